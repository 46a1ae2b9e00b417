"""The text of a recipe becomes values, or all that is wrong with it, each with line and column.

The text is taken apart event by event, never loaded by YAML's own constructors: nothing in it can
make an object, and what would grow without end (aliases, nesting, sheer length) is refused while
it is read. This room reads no file; whoever has files passes a `read` function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from flowctl.errors import Problem, RecipeError
from flowctl.model.flow import NetworkSpec
from flowctl.recipe.build import Built, build, in_order
from flowctl.recipe.check import check
from flowctl.recipe.document import Entry, Listing, Node, Place, Scalar, Table, resolve
from flowctl.recipe.notes import Notes
from flowctl.recipe.read import read as read_by
from flowctl.recipe.schema import RECIPE

LARGEST = 1_000_000
"""Characters of the longest recipe."""
DEEPEST = 50
"""Levels of nesting."""
MOST_NODES = 100_000
"""Keys and values in a recipe, those behind aliases counted at every use."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})
_ODD = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(
    text: str | bytes,
    *,
    source: str = "recipe",
    folder: str = "",
    read: Callable[[str], str | None] | None = None,
    auto_cpus: int = 1,
) -> NetworkSpec:
    """Return the network that a recipe describes.

    Relative folders lie in `folder`. `read` returns the text of a file, or None where there is
    none; with it, the functions of `path` sources are checked too. `cpus: auto` means `auto_cpus`.

    Raises:
        RecipeError: the recipe has problems; all of them are in it.
    """
    notes = Notes()
    node = _compose_or_note(text, notes)
    built = _built(node, folder, auto_cpus, notes) if node else None
    if built:
        check(built.spec, notes, plug_paths=built.plug_paths, read=read)
    if notes.problems or not built:
        raise RecipeError(notes.sorted(), source=source)
    return in_order(built.spec)


def _built(node: Node, folder: str, auto_cpus: int, notes: Notes) -> Built | None:
    values = read_by(RECIPE, node, "", notes)
    return None if values is None else build(values, folder, notes, auto_cpus=auto_cpus)


def _compose_or_note(text: str | bytes, notes: Notes) -> Node | None:
    try:
        return compose(_decoded(text), notes)
    except _Unreadable as error:
        notes.problems.append(error.problem)
        return None


class _Unreadable(Exception):
    """The text cannot be taken apart any further."""

    def __init__(self, message: str, mark: Any = None, remedy: str = "") -> None:
        """Take a sentence and a mark of YAML, whose lines and columns count from 0."""
        super().__init__(message)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        self.problem = Problem(message, line, column, remedy=remedy)


def _decoded(text: str | bytes) -> str:
    if len(text) > LARGEST:
        raise _Unreadable(f"the recipe is longer than {LARGEST:,} characters")
    if isinstance(text, bytes):
        text = _from_utf8(text)
    if odd := _ODD.search(text):
        line = text.count("\n", 0, odd.start())
        column = odd.start() - text.rfind("\n", 0, odd.start()) - 1
        what = "a NUL" if odd[0] == "\0" else f"the control character U+{ord(odd[0]):04X}"
        raise _Unreadable(f"a recipe is plain text, this one holds {what}", Place(line, column))
    return text.removeprefix("\ufeff")


def _from_utf8(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start)
        column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start])
        raise _Unreadable("the recipe is not UTF-8 text", Place(line, column)) from error


def compose(text: str, notes: Notes) -> Node:
    """Return the tree of a text; keys that stand twice are complained about."""
    try:
        events = _checked(yaml.parse(text, Loader=_LOADER))
        return _Composer(events, notes).document()
    except yaml.MarkedYAMLError as error:
        raise _Unreadable(*_explained(error, text)) from error
    except yaml.YAMLError as error:
        raise _Unreadable(f"not YAML: {error}") from error


def _explained(error: yaml.MarkedYAMLError, text: str) -> tuple[str, Any, str]:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in str(error.problem):
        return "a tab stands where blanks must", mark, "indent with blanks"
    context = f" {error.context}" if error.context else ""
    begun = error.context_mark
    if context and begun and mark and begun.line != mark.line:
        context += f" that begins in line {begun.line + 1}"
    remedy = "" if "quoted" in context else "quote texts that hold : # { } [ ] , & * ! | > % @"
    return f"not YAML: {error.problem}{context}", mark, remedy


def _checked(events: Iterator[Any]) -> Iterator[Any]:
    """Pass on the events of the first document; there may be no other."""
    documents = 0
    for event in events:
        if not isinstance(event, _FRAMES):
            yield event
        elif isinstance(event, yaml.DocumentStartEvent) and (documents := documents + 1) > 1:
            raise _Unreadable("a recipe is one document", event.start_mark, "remove the line ---")


_FRAMES = (
    yaml.StreamStartEvent,
    yaml.StreamEndEvent,
    yaml.DocumentStartEvent,
    yaml.DocumentEndEvent,
)


class _Composer:
    """Builds a tree from events and watches its growth."""

    def __init__(self, events: Iterator[Any], notes: Notes) -> None:
        self._events = events
        self._notes = notes
        self._anchors: dict[str, Node] = {}
        self._count = 0

    def document(self) -> Node:
        """Return the tree of the whole document."""
        first = next(self._events, None)
        if first is None or _is_blank(first):
            raise _Unreadable("the recipe is empty", remedy='begin with "network: NAME"')
        if not isinstance(first, yaml.MappingStartEvent):
            raise _Unreadable(
                "a recipe is a mapping of keys", first.start_mark, 'begin with "network: NAME"'
            )
        root = self._node(first, "", 1)
        for _ in self._events:  # a second document is refused while it is looked for
            pass
        return root

    def _node(self, event: Any, path: str, level: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, level)
        self._grow(1, level, event)
        node = self._fresh(event, path, level)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _fresh(self, event: Any, path: str, level: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        _refuse_tag(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._listing(event, path, level)
        return self._table(event, path, level)

    def _alias(self, event: Any, level: int) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise _Unreadable(
                f"*{event.anchor} stands for nothing that is complete before it", event.start_mark
            )
        self._grow(node.size, level + node.depth - 1, event)
        return node

    def _grow(self, size: int, level: int, event: Any) -> None:
        self._count += size
        if self._count > MOST_NODES:
            raise _Unreadable(
                f"the recipe has more than {MOST_NODES:,} keys and values", event.start_mark
            )
        if level > DEEPEST:
            raise _Unreadable(f"nested more than {DEEPEST} levels deep", event.start_mark)

    def _listing(self, start: Any, path: str, level: int) -> Listing:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", level + 1))
        return Listing(_place(start), tuple(items), *_extent(items))

    def _table(self, start: Any, path: str, level: int) -> Table:
        entries: dict[str, Entry] = {}
        merged: list[Node] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = _key(event)
            self._grow(1, level, event)
            inner = f"{path}.{key}" if path else key
            value = self._node(next(self._events), inner, level + 1)
            if key == "<<" and not event.style:
                merged.append(value)
            elif key in entries:
                self._repeated(key, inner, entries[key].place, event)
            else:
                entries[key] = Entry(key, _place(event), value)
        for entry in _merged(merged):
            entries.setdefault(entry.key, entry)
        size, depth = _extent([entry.value for entry in entries.values()])
        return Table(_place(start), tuple(entries.values()), size + len(entries), depth)

    def _repeated(self, key: str, path: str, first: Place, event: Any) -> None:
        message = f'the key "{key}" stands here a second time'
        self._notes.add(path, message, f"the first is in line {first.line}", place=_place(event))


def _merged(nodes: list[Node]) -> Iterator[Entry]:
    """Return what `<<` brings in; what stands first wins."""
    for node in nodes:
        tables = node.items if isinstance(node, Listing) else (node,)
        for table in tables:
            if not isinstance(table, Table):
                place = table.place
                raise _Unreadable("<< takes mappings only", Place(place.line - 1, place.column - 1))
            yield from table.entries


def _extent(children: list[Node]) -> tuple[int, int]:
    size = 1 + sum(child.size for child in children)
    return size, 1 + max((child.depth for child in children), default=0)


def _place(event: Any) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1)


def _scalar(event: Any) -> Scalar:
    _refuse_tag(event)
    is_plain = event.style in {None, ""} and event.tag is None
    value = resolve(event.value) if is_plain else event.value
    return Scalar(_place(event), event.value, value)


def _key(event: Any) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise _Unreadable("a key is a word", event.start_mark, "quote texts that hold { } [ ] or *")
    _refuse_tag(event)
    return str(event.value)


def _refuse_tag(event: Any) -> None:
    if event.tag not in _TEXT_TAGS or (event.tag and not isinstance(event, yaml.ScalarEvent)):
        raise _Unreadable(
            f'the tag "{event.tag}" is not allowed', event.start_mark, "a recipe holds plain values"
        )


def _is_blank(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and not event.value and not event.style
