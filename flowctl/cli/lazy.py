"""A command group that knows its commands by name and imports each at its first use.

So `--help` and completion of command names import nothing, and a command pays for itself only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Place(NamedTuple):
    """Where a command is, and what the overview says of it."""

    module: str
    help: str
    panel: str
    hidden: bool = False


class LazyGroup(TyperGroup):
    """A group over a table of places; subclasses set `places`."""

    places: dict[str, Place] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, place in self.places.items():
            self.commands[name] = TyperCommand(name, help=place.help, hidden=place.hidden)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the line names and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in self.places:
            command = load(self.places[name], name)
        return name, command, rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the overview, one section a panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name, place in self.places.items():
            if not place.hidden:
                panels.setdefault(place.panel, []).append((name, place.help))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)


def load(place: Place, name: str) -> Any:
    """Import a command; its module calls it `app`, or has one for each of its names."""
    module_name, _, attribute = place.module.partition(":")
    app = getattr(import_module(module_name), attribute or "app")
    command = typer.main.get_command(app)
    command.name, command.help = name, command.help or place.help
    return command


def command_app(*, group: bool = False) -> typer.Typer:
    """Return a Typer for one command (or, with `group`, for several) with the house's ways."""
    return typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=group,
    )
