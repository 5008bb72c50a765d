"""Artifacts by fingerprint: keys, leases, manifests, checkpoints.

To add one: a complete artifact contains nothing that its manifest does not name.
"""
