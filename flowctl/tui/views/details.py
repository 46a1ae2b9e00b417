"""Everything about one object: as sheets for people, as YAML; and the answer of a command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flowctl.services.control import Control
from flowctl.services.pages import sheet
from flowctl.tui.feeds import Read
from flowctl.tui.running import shell
from flowctl.tui.targets import Target, line
from flowctl.tui.textview import TextView
from flowctl.views import lines as text
from flowctl.views.lines import Line
from flowctl.views.table import Sheet, Table, single
from flowctl.views.text import printable
from flowctl.views.tones import Tone, tone_of
from flowctl.views.yaml import to_yaml


class Detail(TextView):
    """Everything about one object; what its sheet says of it is known to actions, too."""

    scopes = frozenset({"text", "object"})
    needs = True

    def reader(self) -> Read:
        """Read its sheet."""
        about = _about(self)
        return lambda control: sheet(control, about.kind, about.address)

    def target(self) -> Target:
        """Return the object, as it was read."""
        about, found = _about(self), self.reading.value
        document = found.document if isinstance(found, Sheet) else {}
        return Target(about.kind, about.name, about.network, document)


class Describe(Detail):
    """Everything about one object, for people."""

    word = "describe"
    words = "Everything about one object"

    def lines(self, value: Any) -> Sequence[Line]:
        """Return the sheet as lines."""
        return sheet_lines(value)

    def command(self) -> str:
        """Return the same as a command."""
        about = _about(self)
        return line("flowctl", "show", about.kind, about.address)


class Yaml(Detail):
    """The document of one object, as YAML."""

    word = "yaml"
    words = "The document of one object"

    def lines(self, value: Any) -> Sequence[Line]:
        """Return the document as lines."""
        return [yaml_line(each) for each in to_yaml(single(value)).splitlines()]

    def command(self) -> str:
        """Return the same as a command."""
        about = _about(self)
        return line("flowctl", "show", about.kind, about.address, "-o", "yaml")


class Output(TextView):
    """The answer of a command of flowctl."""

    word = "output"
    words = "The answer of a command"
    needs = True
    period = 0.0

    def reader(self) -> Read:
        """Run it."""
        words = _about(self).name.split(" ")
        cockpit, width = self.deck.cockpit, self.size.width or self.app.size.width
        settings, readonly = cockpit.settings, cockpit.readonly

        def read(_control: Control) -> list[Line]:
            said = shell(settings, words, readonly=readonly, width=width)
            return [text.line(printable(each)) for each in said]

        return read

    def target(self) -> None:
        """There is no object in an answer."""

    def command(self) -> str:
        """Return the command itself."""
        return f"flowctl {_about(self).name}"


def _about(view: TextView) -> Target:
    assert view.place.about is not None
    return view.place.about


def sheet_lines(shown: Sheet) -> list[Line]:
    """Return everything about one object as lines."""
    return list(_sheet_lines(shown))


def _sheet_lines(shown: Sheet) -> Iterator[Line]:
    widest = max((len(key) for key, _ in shown.properties), default=0)
    for key, value in shown.properties:
        tone = tone_of(key.lower().replace(" ", "_"), "" if value == "-" else value)
        yield text.line((f"{key:<{widest}}  ", Tone.DIM), (printable(value), tone))
    for title, table in shown.tables:
        yield from (text.EMPTY, text.line((title, Tone.HEAD)))
        yield from _table_lines(table)
    for title, body in shown.texts:
        yield from (text.EMPTY, text.line((title, Tone.HEAD)))
        yield from (text.line(f"  {printable(each)}") for each in body.splitlines())


def _table_lines(table: Table) -> Iterator[Line]:
    if not table.rows:
        yield text.line(("  none", Tone.DIM))
        return
    kept = [n for n, column in enumerate(table.columns) if not column.wide]
    sizes = [max(len(table.columns[n].title), *(len(row[n]) for row in table.rows)) for n in kept]
    titles = [table.columns[n].title for n in kept]
    yield text.line((_padded(titles, sizes), Tone.DIM))
    for row, document in zip(table.rows, table.items, strict=True):
        pieces: list[tuple[str, Tone]] = [("  ", Tone.PLAIN)]
        for n, size in zip(kept, sizes, strict=True):
            key = table.columns[n].key
            pieces.append((printable(row[n]).ljust(size), tone_of(key, document.get(key))))
            pieces.append(("  ", Tone.PLAIN))
        yield text.line(*pieces)


def _padded(cells: Sequence[str], sizes: Sequence[int]) -> str:
    return "  " + "  ".join(cell.ljust(size) for cell, size in zip(cells, sizes, strict=True))


def yaml_line(shown: str) -> Line:
    """Return a line of YAML with its key in another tone."""
    key, colon, value = shown.partition(":")
    if not colon or key.strip().startswith('"'):
        return text.line(printable(shown))
    tone = tone_of(key.strip(" -"), value.strip())
    tone = Tone.PLAIN if tone in (Tone.NAME, Tone.DIM) else tone
    return text.line((f"{key}:", Tone.NOTE), (printable(value), tone))
