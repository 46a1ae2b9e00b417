"""Every act of the cockpit as a value: its keys, its words, where it applies, what it does.

Screens bind nothing by themselves. Help, palette, key hints, the command line and the tests read the
same registry, so that a key that exists is a key that is explained, can be rebound, and has its
command. `does` names the method that carries out what only looks: of the view, or else of the deck.
A `Deed` is what changes something: one call of a service for each target, and the exact command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from flowctl.services.control import Control
from flowctl.tui.targets import Target


class Group(StrEnum):
    """The sections of the help."""

    GLOBAL = "Everywhere"
    VIEWS = "Views"
    MOVE = "Move"
    FILTER = "Filter and sort"
    MARK = "Mark"
    LOOK = "Look"
    CHANGE = "Change"
    TEXT = "Texts"
    GRAPH = "Graph"
    LOGS = "Logs"


class Danger(IntEnum):
    """How much is at stake, and so how it is asked."""

    NONE = 0  # it only looks
    MILD = 1  # done at once; the opposite is as easy
    MODERATE = 2  # asks, y confirms
    SEVERE = 3  # asks for the name to be typed


@dataclass(frozen=True)
class Deed:
    """What changes something."""

    command: Callable[[Target, str], str]
    """The exact command for a target and the argument that was asked for."""
    act: Callable[[Control, Target, str], str]
    """Does it, and returns a sentence about what was done."""
    verb: str
    """The command's word, for `:` and for dialogs."""
    argument: str = ""
    """What a person is asked for first; empty where nothing is needed."""
    inverse: str = ""
    """The id of the action that undoes it; empty where there is none."""
    warning: Callable[[Target], str] = lambda _target: ""
    """What a person should know about one target before saying yes."""


@dataclass(frozen=True)
class Action:
    """One act."""

    id: str
    keys: tuple[str, ...]
    """By default; presets and `keymap.toml` may say others. A character, or the name of a key."""
    words: str
    group: Group
    scope: str = "global"
    """`global`, `list`, `text`, `object`, `pick`, or the word of a view."""
    kinds: frozenset[str] = frozenset()
    """The kinds of objects it applies to; empty where it needs none, or takes any."""
    danger: Danger = Danger.NONE
    does: str = ""
    deed: Deed | None = None
    when: Callable[[Target], bool] | None = None
    """Of two actions on one key the one that fits the object as it is."""

    def applies(self, kind: str) -> bool:
        """Tell whether it can be done to objects of a kind."""
        return not self.kinds or kind in self.kinds


class Registry:
    """All actions by id; views add theirs when they are made known."""

    def __init__(self) -> None:
        self._actions: dict[str, Action] = {}

    def add(self, *actions: Action) -> None:
        """Add actions; an id is given once."""
        for action in actions:
            assert action.id not in self._actions, f"two actions are called {action.id}"
            self._actions[action.id] = action

    def __iter__(self):  # type: ignore[no-untyped-def]
        """Go through all actions, in the order they were added."""
        return iter(self._actions.values())

    def __getitem__(self, name: str) -> Action:
        """Return the action with this id."""
        return self._actions[name]

    def get(self, name: str) -> Action | None:
        """Return the action with this id, or nothing."""
        return self._actions.get(name)

    def active(self, scopes: frozenset[str], kind: str = "") -> list[Action]:
        """Return what can be done in a place, to an object of this kind."""
        return [
            action
            for action in self._actions.values()
            if action.scope in scopes and (not action.kinds or kind in action.kinds)
        ]
