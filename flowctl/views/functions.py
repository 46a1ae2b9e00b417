"""Functions as a table: what a socket may run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flowctl.recipe.functions import Function
from flowctl.views.table import Field, Table, build

_STARS = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}


def signature(function: Function) -> str:
    """Return the parameters as a person writes them; what need not be given stands in brackets."""
    words = []
    for each in function.arguments:
        word = _STARS.get(each.kind, "") + each.name
        words.append(f"[{word}]" if each.has_default else word)
    return ", ".join(words)


def kind(function: Function) -> str:
    """Return what kind of function it is, as far as that matters to its callers."""
    words = [("async", function.is_async), ("generator", function.is_generator)]
    return " ".join(word for word, holds in words if holds) or "plain"


FUNCTIONS = (
    Field("name", lambda function: function.name),
    Field("parameters", signature),
    Field("needs", lambda function: list(function.needs())),
    Field("kind", kind),
    Field("line", lambda function: function.line, right=True),
    Field("doc", lambda function: function.doc),
)


def functions(found: Iterable[Function], now: datetime) -> Table:
    """Return a table of functions."""
    return build("functions", FUNCTIONS, list(found), now)
