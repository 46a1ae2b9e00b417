"""What a command works with: the flags, the settings, and a control opened for its length."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import typer

from flowctl.cli.flags import Flags
from flowctl.errors import InvalidInput, Refused
from flowctl.services.control import Control, open_control
from flowctl.settings import Settings, load

PATIENCE = 4.0
"""Seconds until a person is told that the broker cannot be reached."""


@dataclass
class Session:
    """One run of the command line."""

    flags: Flags

    @cached_property
    def settings(self) -> Settings:
        """The settings, with what the command line said on top."""
        return load(overrides={"network": self.flags.network})

    @contextmanager
    def control(self, *, migrate: bool = False) -> Iterator[Control]:
        """Open the control; an embedded database that does not exist yet is made.

        With `migrate` any database is brought up to date first.
        """
        from flowctl.services import database

        if self.settings.state.startswith("sqlite:"):
            self.settings.paths.make()
        with open_control(self.settings, name="flowctl", patience=PATIENCE) as control:
            if migrate:
                database.migrate(control)
            database.make_ready(control)
            yield control.acting("cli", shlex.join(["flowctl", *sys.argv[1:]]))

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something that cannot be taken back; `yes` is the answer given beforehand.

        Raises:
            InvalidInput: nobody can be asked.
            Refused: the answer was no.
        """
        if yes:
            return
        if not self.flags.asks or not sys.stdin.isatty():
            raise InvalidInput(f"{question} needs an answer", remedy="add -y to say yes")
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Refused("nothing was changed")


def session_of(ctx: typer.Context) -> Session:
    """Return the session that the root of the command line made."""
    session = ctx.find_object(Session)
    assert session is not None
    return session


def read_stdin() -> bytes:
    """Return all of stdin.

    Raises:
        InvalidInput: stdin is a terminal, so nothing was piped in.
    """
    if sys.stdin.isatty():
        raise InvalidInput(
            "nothing was piped in", remedy="give the data as an argument, or pipe it"
        )
    return sys.stdin.buffer.read()
