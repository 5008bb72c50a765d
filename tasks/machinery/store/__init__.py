"""Artifacts by fingerprint: keys, leases, manifests, checkpoints.

To add one: keep what a manifest does not name out of a complete artifact.
"""
