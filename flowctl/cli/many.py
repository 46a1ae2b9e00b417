"""One act on many objects: all are tried, all are told, and the exit code says whether all worked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import typer

from flowctl.cli import exits
from flowctl.cli.flags import Flags
from flowctl.errors import FlowError, Unavailable


def each(flags: Flags, names: Sequence[str], act: Callable[[str], None]) -> None:
    """Do `act` with every name; with several names a failure of one does not stop the others.

    Raises:
        FlowError: there was one name and it failed, or all failed: the first error.
        Unavailable: nothing can be reached, so nothing more was tried.
    """
    failures: list[FlowError] = []
    for name in names:
        try:
            act(name)
        except Unavailable:
            raise
        except FlowError as error:
            failures.append(error)
            if len(names) > 1:
                sys.stderr.write(f"error: {error.message}\n")
    if failures and len(failures) == len(names):
        raise failures[0] if len(names) == 1 else typer.Exit(exits.code_of(failures[0]))
    if failures:
        raise typer.Exit(exits.PARTIAL)
