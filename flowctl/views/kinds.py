"""The kinds of objects and the words people use for each: singular, plural and short."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from flowctl.errors import InvalidInput

KINDS: dict[str, tuple[str, ...]] = {
    "network": ("networks", "net", "nets"),
    "node": ("nodes", "host", "hosts"),
    "agent": ("agents", "ag"),
    "scheduler": ("schedulers",),
    "processor": ("processors", "proc", "procs"),
    "socket": ("sockets", "so"),
    "task": ("tasks",),
    "plug": ("plugs", "pl"),
    "queue": ("queues", "q"),
    "join": ("joins",),
    "deployment": ("deployments", "dep", "deps"),
    "worker": ("workers", "w"),
    "call": ("calls",),
    "run": ("runs",),
    "event": ("events", "ev"),
    "schedule": ("schedules", "sc"),
    "change": ("changes",),
}
"""Each kind's singular to its other words; the first of them is the plural."""

_WORDS = {word: kind for kind, words in KINDS.items() for word in (kind, *words)}


def plural_of(kind: str) -> str:
    """Return the plural of a kind."""
    return KINDS[kind][0]


def is_kind(word: str) -> bool:
    """Tell whether a word names a kind."""
    return word.lower() in _WORDS


def kind_of(word: str) -> str:
    """Return the kind that a word means.

    Raises:
        InvalidInput: no kind is called so.
    """
    if kind := _WORDS.get(word.lower()):
        return kind
    near = nearest(word.lower(), _WORDS)
    hint = f' (did you mean "{near}"?)' if near else ""
    raise InvalidInput(f'there is no kind "{word}"{hint}', remedy="one of " + ", ".join(KINDS))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like `word`; empty where none is near."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else ""


def address(words: Sequence[str]) -> list[tuple[str, str]]:
    """Read `KIND NAME...` or `KIND/NAME...` and return pairs of kind and name.

    A kind without a name gives an empty name, which means all of them.

    >>> address(["proc", "parse", "store"])
    [('processor', 'parse'), ('processor', 'store')]
    >>> address(["q/shop.parse.rows", "proc/parse"])
    [('queue', 'shop.parse.rows'), ('processor', 'parse')]

    Raises:
        InvalidInput: a word that must be a kind is none.
    """
    if not words:
        return []
    if "/" in words[0]:
        return [_pair(word) for word in words]
    kind, *names = words
    return [(kind_of(kind), name) for name in names or [""]]


def _pair(word: str) -> tuple[str, str]:
    kind, _, name = word.partition("/")
    return kind_of(kind), name
