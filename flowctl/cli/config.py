"""`config`, `info` and `version`: what this flowctl is and what it was told."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import typer

import flowctl
from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, grid, show_document
from flowctl.cli.session import Session, session_of
from flowctl.settings import DEFAULTS, redact
from flowctl.views.table import VERSION, Column, Table

app = command_app(group=True)
info_app = command_app()
version_app = command_app()


@app.command(name="view")
def view(ctx: typer.Context) -> None:
    """Show every setting, its value, and where that came from."""
    session = session_of(ctx)
    rows = [(name, _value(session, name), session.settings.origin[name]) for name in DEFAULTS]
    _show(session, "settings", ("SETTING", "VALUE", "FROM"), rows)


@app.command(name="path")
def path(ctx: typer.Context) -> None:
    """Print the path of the configuration file."""
    emit(f"{session_of(ctx).settings.paths.config}\n")


def _value(session: Session, name: str) -> str:
    value = getattr(session.settings, name)
    if name == "adaptors":
        return " ".join(map(redact, value))
    return redact(str(value)) if name in ("state", "broker") else str(value)


@info_app.command(name="info")
def info(ctx: typer.Context) -> None:
    """Show all paths and addresses in use."""
    session = session_of(ctx)
    settings = session.settings
    rows = [
        ("version", flowctl.__version__),
        ("state", redact(settings.state)),
        ("broker", redact(settings.broker)),
        ("agent", settings.agent),
        ("network", settings.network or "-"),
        *((name, str(value)) for name, value in _paths(settings.paths).items()),
    ]
    _show(session, "info", ("WHAT", "VALUE"), rows)


def _paths(paths: Any) -> dict[str, Any]:
    return {field.name: getattr(paths, field.name) for field in dataclasses.fields(paths)}


@version_app.command(name="version")
def version(ctx: typer.Context) -> None:
    """Print the version."""
    session = session_of(ctx)
    if session.flags.output in (Output.JSON, Output.JSONL, Output.YAML):
        show_document(
            {"version": VERSION, "kind": "version", "flowctl": flowctl.__version__}, session.flags
        )
    else:
        emit(f"flowctl {flowctl.__version__}\n")


def _show(
    session: Session, kind: str, titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> None:
    if session.flags.output in (Output.TABLE, Output.WIDE):
        columns = tuple(Column(title) for title in titles)
        table = Table(kind, columns, tuple(rows), (), tuple(row[0] for row in rows))
        emit(grid(table, session.flags))
    elif session.flags.output is Output.NAME:
        emit("".join(f"{row[0]}\n" for row in rows))
    else:
        keys = [title.lower() for title in titles]
        items = [dict(zip(keys, row, strict=True)) for row in rows]
        show_document({"version": VERSION, "kind": kind, "items": items}, session.flags)
