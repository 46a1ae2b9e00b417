"""What a person changed, so that everybody can read it and most of it can be taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from flowctl.model.flow import NetworkSpec, Task
from flowctl.model.states import Desired


class Author(Struct, frozen=True, kw_only=True):
    """Who changes something, and how it was asked for."""

    who: str
    """`user@host`."""
    face: str
    """`cli`, `tui` or `python`."""
    command: str = ""
    """The exact command; empty where only the service knows it."""
    batch: str = ""
    """What one command changes is undone together."""


class Difference(Struct, frozen=True, kw_only=True):
    """One object as it was and as it became; None is an object that is not there."""

    kind: str
    """`network`, `processor` (without sockets), `socket`, `plug`, `agent` (in a recipe),
    `deployment`, `code` (of a task), `requested` (of a processor), `serving` (of an agent)."""
    name: str
    before: Any = None
    after: Any = None


class Shift(Struct, frozen=True, kw_only=True):
    """Messages that went from one queue to another."""

    source: str
    target: str
    ids: tuple[str, ...] = ()
    """Which; empty means all that the target holds: it was made for them."""


class Entry(Struct, frozen=True, kw_only=True):
    """One change, as the journal holds it."""

    id: int = 0
    at: datetime
    who: str
    face: str
    command: str
    batch: str = ""
    action: str
    """`apply`, `scale`, `purge` and so on; `undo` and `redo` as well."""
    network: str = ""
    objects: tuple[str, ...] = ()
    """`kind/name` of what changed."""
    result: str = ""
    """What came of it; empty while it is under way, or where it was cut off."""
    differences: tuple[Difference, ...] = ()
    shift: Shift | None = None
    undoes: int = 0
    """The entry that this one took back or carried out again; 0 for none."""
    undone_by: int = 0
    """The entry that took this one back; 0 while it holds."""

    @property
    def can_be_undone(self) -> bool:
        """Whether there is anything to take back, and it was not taken back yet."""
        return bool(self.differences or self.shift) and not (self.undone_by or self.undoes)


class Trash(Struct, frozen=True, kw_only=True):
    """A queue of messages that were purged, until its time is over."""

    queue: str
    origin: str
    at: datetime
    who: str
    entry: int
    """The change that can be undone; 0 where nobody is named."""


class Standing(Struct, frozen=True, kw_only=True):
    """Everything about a network that people can change."""

    spec: NetworkSpec
    requested: dict[str, Desired]
    """By processor."""
    code: tuple[Task, ...] = ()
    """Functions with code other than that of their module."""
