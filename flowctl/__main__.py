"""`python -m flowctl`, and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from flowctl.cli.app import run

    run()


if __name__ == "__main__":
    main()
