"""`python -m flows.serving`: serve the deployments until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse

from tasks.machinery.naming.secrets import redact_output
from tasks.machinery.servers.environment import prepare_environment


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m flows.serving", description=__doc__)
    parser.add_argument("--runs-at-once", type=int, default=1, metavar="N")
    runs_at_once = parser.parse_args().runs_at_once
    redact_output()
    # `temper up` has set the addresses of the servers. Prefect reads its settings when imported.
    prepare_environment(with_servers=False)
    from flows.serving.process import serve_deployments

    serve_deployments(runs_at_once)


if __name__ == "__main__":
    main()
