"""What a line after `:` means: the words of the command line, read for the screen. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flowctl.errors import InvalidInput
from flowctl.views.kinds import KINDS, is_kind, kind_of, nearest


@dataclass(frozen=True)
class Open:
    """Go to a view."""

    view: str
    filter: str = ""
    network: str = ""


@dataclass(frozen=True)
class Look:
    """Open a view about one object; no name means the one under the cursor."""

    view: str
    kind: str
    name: str


@dataclass(frozen=True)
class Change:
    """Do what a verb says; no names means what is under the cursor."""

    verb: str
    names: tuple[tuple[str, str], ...] = ()
    """Pairs of kind (which may be empty) and name."""
    argument: str = ""


@dataclass(frozen=True)
class Own:
    """Something of the cockpit itself."""

    word: str
    rest: str = ""


@dataclass(frozen=True)
class Shell:
    """Any other command of flowctl: it runs, and its answer is shown."""

    words: tuple[str, ...]


Meaning = Open | Look | Change | Own | Shell
OWN = ("quit", "help", "messages", "theme", "network", "keymap", "readonly")


@dataclass(frozen=True)
class Words:
    """Every word that a line may begin with."""

    views: Mapping[str, str]
    """Each word for a view to the view."""
    looks: frozenset[str]
    """Views that are or can be about one object, such as `describe` and `logs`."""
    verbs: frozenset[str]
    """Verbs of changes."""
    shell: frozenset[str]
    """Commands of flowctl."""

    @property
    def all(self) -> list[str]:
        """Return all words, sorted."""
        return sorted({*self.views, *self.looks, *self.verbs, *OWN, *self.shell})


def parse(text: str, words: Words) -> Meaning:
    """Read a line.

    Raises:
        InvalidInput: it means nothing; the message offers the nearest word.
    """
    head, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    kind = kind_of(head) if is_kind(head) else ""
    plural = KINDS[kind][0] if kind else head
    if plural in words.views and not (head in words.looks and _is_object(rest)):
        return _open(words.views[plural], rest)
    if head in ("q!", "exit", *OWN):
        return Own("quit" if head in ("q!", "exit") else head, rest)
    if head in words.looks:
        return _look(head, rest)
    if head in words.verbs:
        return _change(head, rest)
    if head in words.shell:
        return Shell(_split(text.strip()))
    near = nearest(head, words.all)
    hint = f' (did you mean "{near}"?)' if near else ""
    raise InvalidInput(f'"{head}" is no command{hint}', remedy="? explains the keys")


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidInput(f"{text}: {error}") from error


def _open(view: str, rest: str) -> Open:
    network, slash, wanted = rest.partition("/")
    return Open(view, wanted if slash else "", network.strip())


def _is_object(rest: str) -> bool:
    kind, slash, name = rest.replace(" ", "/", 1).partition("/")
    return bool(slash and name) and is_kind(kind)


def _look(view: str, rest: str) -> Look:
    if not rest:
        return Look(view, "", "")
    kind, slash, name = rest.replace(" ", "/", 1).partition("/")
    if not slash:
        raise InvalidInput(f"{view} what?", remedy=f"{view} KIND/NAME")
    return Look(view, kind_of(kind), name.strip())


def _change(verb: str, rest: str) -> Change:
    words = _split(rest)
    if words and is_kind(words[0]) and len(words) > 1:
        words = tuple(f"{words[0]}/{word}" for word in words[1:])
    argument, names = "", []
    for word in words:
        name, equals, value = word.partition("=")
        argument = value if equals else argument
        head, slash, tail = name.partition("/")
        names.append((kind_of(head), tail) if slash and is_kind(head) else ("", name))
    return Change(verb, tuple(names), argument)


def complete(
    text: str, words: Words, names: Mapping[str, Iterable[str]], limit: int = 50
) -> Sequence[str]:
    """Return what a line could become; `names` are those of objects, by kind."""
    head, space, rest = text.partition(" ")
    if not space:
        return [word for word in words.all if word.startswith(head) and word != head][:limit]
    listed = head in words.views or (is_kind(head) and KINDS[kind_of(head)][0] in words.views)
    if listed and head not in words.looks:
        return []
    before, _, last = rest.rpartition(" ")
    stem = f"{head} {before} " if before else f"{head} "
    known = [name for kind in _kinds(last, names) for name in names[kind]]
    prefix, _, part = last.rpartition("/") if "/" in last else ("", "", last)
    lead = f"{prefix}/" if prefix else ""
    found = [f"{stem}{lead}{name}" for name in known if name.startswith(part) and name != part]
    return sorted(set(found))[:limit]


def _kinds(word: str, names: Mapping[str, Iterable[str]]) -> list[str]:
    head, slash, _ = word.partition("/")
    if slash and is_kind(head):
        return [kind_of(head)] if kind_of(head) in names else []
    return list(names)
