"""A command group whose commands are kinds: every word for a kind works, and `KIND/NAME` too."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from flowctl.views.kinds import is_kind, kind_of


class KindGroup(TyperGroup):
    """`VERB KIND NAME` and `VERB KIND/NAME`, singular, plural or short."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of the kind that the first word names."""
        head, slash, rest = args[0].partition("/")
        if is_kind(head):
            args = [kind_of(head), *([rest] if slash else []), *args[1:]]
        return super().resolve_command(ctx, args)
