"""What a join waits for: said once for workers, which fire it, and faces, which show it (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from flowctl.model.flow import Argument

_WAITED = ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD")


def needs(arguments: Sequence[Argument]) -> tuple[str, ...]:
    """Return the names of the arguments that a call cannot do without, in order."""
    return tuple(
        argument.name
        for argument in sorted(arguments, key=lambda argument: argument.position)
        if argument.kind in _WAITED and not argument.has_default
    )
