"""Plugs that only get another name: what waits in their queues goes along (pure)."""

from __future__ import annotations

from msgspec import structs

from flowctl.model.flow import NetworkSpec, PlugSpec
from flowctl.model.naming import plug_name
from flowctl.recipe.diff import Action, Changes


def renames(changes: Changes, wanted: NetworkSpec) -> dict[str, str]:
    """Return the old and new names of plugs that are the same in everything else.

    A plug by whose name values meet (it gathers, or its target waits for all plugs) is none of
    them: what has arrived would never meet what comes under the new name.
    """
    added = _by_nature(changes, "add")
    removed = _by_nature(changes, "remove")
    meeting = {
        f"{processor.name}.{socket.name}"
        for processor in wanted.processors
        for socket in processor.sockets
        if socket.wait_all
    }
    return {
        plug_name(old): plug_name(added[nature])
        for nature, old in removed.items()
        if nature in added and not old.gather and old.target not in meeting
    }


def _by_nature(changes: Changes, action: Action) -> dict[PlugSpec, PlugSpec]:
    """Return plugs by what they are apart from their names: a recipe has no two that are alike."""
    specs = (change.before or change.after for change in changes.of("plug", action))
    plugs = [spec for spec in specs if isinstance(spec, PlugSpec)]
    return {structs.replace(spec, name=""): spec for spec in plugs}
