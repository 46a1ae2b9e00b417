"""`explain`: what a key of a recipe means, and what a kind is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from flowctl.cli import exits
from flowctl.cli.flags import Output
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, show_document
from flowctl.cli.session import session_of
from flowctl.errors import NotFound
from flowctl.recipe.schema import describe
from flowctl.views.kinds import KINDS, nearest

app = command_app()


@app.command(name="explain")
def explain(
    ctx: typer.Context,
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="Such as processors.retry, exits, or kinds.")
    ] = "",
) -> None:
    """Explain the keys of a recipe; `explain exits` and `explain kinds` explain those."""
    session = session_of(ctx)
    if path == "exits":
        emit("".join(f"{code:>4}  {meaning}\n" for code, meaning in exits.MEANINGS.items()))
        return
    if path == "kinds":
        emit("".join(f"{kind:<12}{', '.join(words)}\n" for kind, words in KINDS.items()))
        return
    found = find(describe(), [part for part in path.split(".") if part])
    if session.flags.output in (Output.TABLE, Output.WIDE, Output.NAME):
        emit("".join(f"{line}\n" for line in _lines(path or "recipe", found)))
    else:
        show_document(found, session.flags)


def find(schema: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    """Return the part of a schema that a path of keys leads to; names of objects are left out.

    Raises:
        NotFound: there is no such key; the message offers the nearest.
    """
    for part in parts:
        keys = _keys(schema)
        if part not in keys:
            raise NotFound("key", part, near=nearest(part, keys), remedy="flowctl explain")
        schema = keys[part]
    return schema


def _keys(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the keys below a schema, looking through lists, alternatives and maps of names."""
    found: dict[str, dict[str, Any]] = dict(schema.get("properties", {}))
    inner = [schema.get("additionalProperties"), schema.get("items")]
    inner += [*schema.get("oneOf", []), *schema.get("anyOf", [])]
    for item in inner:
        if isinstance(item, dict):
            found = _keys(item) | found
    return found


def _lines(path: str, schema: dict[str, Any]) -> Iterator[str]:
    yield path + (f"  ({_type(schema)})" if _type(schema) else "")
    if schema.get("description"):
        yield f"  {schema['description']}"
    keys = _keys(schema)
    width = max((len(key) for key in keys), default=0) + 2
    if keys:
        yield ""
    for key, item in keys.items():
        default = f" [{item['default']}]" if "default" in item else ""
        yield f"  {key:<{width}}{item.get('description', '')}{default}"


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(item) for item in schema["enum"])
    kind = schema.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
