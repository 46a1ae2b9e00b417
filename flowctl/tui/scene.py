"""A picture as it is seen: a window of it, with numbers, tones, the cursor and what is staged. Pure.

Never colour alone: what is under the cursor is drawn heavy, trouble has its mark and its word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from flowctl.graph.build import Edge
from flowctl.graph.labels import cut
from flowctl.graph.layout import Box, Point, Wire
from flowctl.graph.live import Overlay, PlugLive, ProcessorLive
from flowctl.graph.minimap import Minimap, minimap
from flowctl.graph.paint import padded, write
from flowctl.graph.physics import fills_in
from flowctl.graph.picture import Drawing, Part, Written, texts
from flowctl.graph.walk import Item, runs
from flowctl.model.work import Trend
from flowctl.views.lines import Line, Span
from flowctl.views.tones import Tone, tone_of

HEAVY = str.maketrans("─┄╌│┆╎╭╮╰╯", "━┅╍┃┇╏┏┓┗┛")
"""How a line looks under the cursor."""
DOUBLE = str.maketrans("─│┌┐┘└├┬┤┴[]", "═║╔╗╝╚╠╦╣╩▐▌")
"""How a card looks under the cursor."""
HEAVY_ASCII = str.maketrans("+-|~:=\".'[]", "#########{}")
_DOWN = frozenset('│┆╎|:"')
SOON = 600.0
"""A queue that is full within so many seconds is bad, not only a warning."""


@dataclass(frozen=True)
class Scene:
    """What is to be seen."""

    drawing: Drawing
    overlay: Overlay
    window: Box
    """The part of the picture that is on the screen."""
    cursor: Item | None = None
    notes: Mapping[Item, Span] = field(default_factory=dict)
    """What stands on a line or in a card instead of its numbers."""
    found: frozenset[Item] = frozenset()
    """What was searched for, or lies on a path."""
    only_found: bool = False
    """Whether everything else steps back."""

    @cached_property
    def standing(self) -> dict[str, ProcessorLive]:
        """What is measured, by vertex."""
        known, vertices = self.overlay.processors, self.drawing.graph.vertices
        return {v.name: known[v.processor] for v in vertices if v.processor in known}


class _Sheet:
    """The cells of the window."""

    def __init__(self, rows: list[str], window: Box) -> None:
        self.window = window
        self.chars = [list(row[window.x : window.x + window.width]) for row in rows]
        self.tones = [[Tone.PLAIN] * len(row) for row in self.chars]

    def tint(self, x: int, y: int, width: int, tone: Tone) -> None:
        """Give cells of a row a tone."""
        y -= self.window.y
        if 0 <= y < len(self.tones):
            row, x = self.tones[y], x - self.window.x
            first, last = max(0, x), min(len(row), x + width)
            if first < last:
                row[first:last] = [tone] * (last - first)

    def thicken(self, x: int, y: int, table: Mapping[int, int | str | None]) -> None:
        """Draw a cell heavy."""
        x, y = x - self.window.x, y - self.window.y
        if 0 <= y < len(self.chars) and 0 <= x < len(self.chars[y]):
            self.chars[y][x] = self.chars[y][x].translate(dict(table))

    def char(self, x: int, y: int) -> str:
        """Return the character of a cell."""
        x, y = x - self.window.x, y - self.window.y
        inside = 0 <= y < len(self.chars) and 0 <= x < len(self.chars[y])
        return self.chars[y][x] if inside else ""

    def lines(self) -> list[Line]:
        """Return the rows, with cells of one tone put together."""
        return [_line("".join(c), t) for c, t in zip(self.chars, self.tones, strict=True)]


def _line(text: str, tones: list[Tone]) -> Line:
    spans, x = [], 0
    for tone, run in groupby(tones):
        size = len(list(run))
        spans.append(Span(text[x : x + size], tone))
        x += size
    return Line(tuple(spans))


def compose(scene: Scene) -> list[Line]:
    """Return the lines of the window."""
    window = scene.window
    seen = range(window.y, window.y + window.height)
    written = [_noted(scene, each) for each in texts(scene.drawing, scene.overlay)]
    last = window.x + window.width
    written = [
        each
        for each in written
        if each.slot.y in seen and each.slot.x < last and each.slot.x + each.slot.width > window.x
    ]
    rows = write(scene.drawing.picture, [(each.slot, each.text) for each in written])
    sheet = _Sheet(rows[window.y : window.y + window.height], window)
    _tint_wires(scene, sheet)
    for name, box in scene.drawing.layout.boxes.items():
        if _is_seen(window, (Point(box.x, box.y), Point(box.x + box.width, box.y + box.height))):
            _tint_box(scene, sheet, name, box)
    for each in written:
        _tint_text(scene, sheet, each)
    _show_cursor(scene, sheet)
    return sheet.lines()


def _item(written: Written) -> Item:
    return Item(written.name, written.part is Part.LABEL)


def _noted(scene: Scene, written: Written) -> Written:
    """Put a note where the numbers would be; a card of one line has it after its name."""
    note = scene.notes.get(_item(written))
    if note is None:
        return written
    slots = scene.drawing.picture.cards.get(written.name, ())
    if written.part is Part.LABEL:
        return written._replace(text=cut(note.text, written.slot.width))
    if len(slots) == 1:
        room = written.slot.width - len(note.text) - 1
        return written._replace(text=f"{cut(written.text, room)} {note.text}")
    if written.part is Part.ROW and written.slot == slots[1]:
        return written._replace(text=cut(note.text, written.slot.width))
    return written


def _stands_back(scene: Scene, item: Item) -> bool:
    return scene.only_found and item not in scene.found


def _wire_tone(scene: Scene, edge: Edge, wire: Wire) -> Tone:
    item = Item(edge.name, True)
    if scene.only_found:
        return Tone.NOTE if item in scene.found else Tone.DIM
    return Tone.ERROR_LINE if edge.error else Tone.BACK_LINE if wire.back else Tone.PLAIN


def _is_seen(window: Box, points: Sequence[Point]) -> bool:
    """Tell whether something of a line may be in the window."""
    xs, ys = [point.x for point in points], [point.y for point in points]
    beside = max(xs) < window.x or min(xs) >= window.x + window.width
    return not beside and max(ys) >= window.y and min(ys) < window.y + window.height


def _tint_wires(scene: Scene, sheet: _Sheet) -> None:
    wires = scene.drawing.layout.wires
    tones = [
        (_wire_tone(scene, e, wires[e.name]), wires[e.name]) for e in scene.drawing.graph.edges
    ]
    # In the order in which they are painted: where two cross, the one that runs down is seen.
    for tone, wire in tones:
        for one, two in runs(wire):
            if one.y == two.y:
                sheet.tint(one.x, one.y, two.x - one.x + 1, tone)
    for tone, wire in tones:
        for one, two in runs(wire):
            if one.x == two.x and one.y != two.y:
                for y in range(one.y, two.y + 1):
                    sheet.tint(one.x, y, 1, tone)


def _tint_box(scene: Scene, sheet: _Sheet, name: str, box: Box) -> None:
    tone = Tone.DIM if _stands_back(scene, Item(name)) else box_tone(scene.standing.get(name))
    for y in range(box.y, box.y + box.height):
        sheet.tint(box.x, y, box.width, tone)


def box_tone(numbers: ProcessorLive | None) -> Tone:
    """Return how a card stands: fine, on its way, wrong."""
    if numbers is None:
        return Tone.PLAIN
    told = tone_of("status", numbers.status)
    if told in (Tone.BAD, Tone.WARN):
        return told
    return Tone.WARN if numbers.limiting or numbers.failures else Tone.PLAIN


def label_tone(numbers: PlugLive | None) -> Tone:
    """Return how a queue stands."""
    if numbers is None or not numbers.depth:
        return Tone.DIM
    full = fills_in(numbers)
    if full is not None and full < SOON:
        return Tone.BAD
    return Tone.WARN if numbers.trend is Trend.GROWING else Tone.NOTE


def _tint_text(scene: Scene, sheet: _Sheet, written: Written) -> None:
    slot, item = written.slot, _item(written)
    text = padded(slot, written.text)
    start = len(text) - len(text.lstrip(slot.fill + " "))
    shown = text.strip(slot.fill + " ")
    note = scene.notes.get(item)
    if _stands_back(scene, item):
        tone = Tone.DIM
    elif item in scene.found and not scene.only_found and written.part is Part.TITLE:
        tone = Tone.MATCH
    elif written.part is Part.LABEL:
        tone = note.tone if note else label_tone(scene.overlay.plugs.get(written.name))
    elif written.part is Part.TITLE:
        tone = Tone.STRONG
    else:
        tone = note.tone if note else _row_tone(scene, written)
    sheet.tint(slot.x + start, slot.y, len(shown), tone)
    if note and written.part is Part.TITLE and text.rstrip().endswith(note.text):
        sheet.tint(slot.x + start + len(shown) - len(note.text), slot.y, len(note.text), note.tone)


def _row_tone(scene: Scene, written: Written) -> Tone:
    found = box_tone(scene.standing.get(written.name))
    return Tone.NOTE if found is Tone.PLAIN else found


def _show_cursor(scene: Scene, sheet: _Sheet) -> None:
    item = scene.cursor
    if item is None:
        return
    heavy = HEAVY if item.is_edge else DOUBLE
    table = HEAVY_ASCII if scene.drawing.options.ascii else heavy
    layout = scene.drawing.layout
    cells = (
        _wire_cells(layout.wires[item.name], sheet)
        if item.is_edge
        else _rim(layout.boxes[item.name])
    )
    labels = _label_cells(scene, item, sheet)
    for x, y in cells:
        if (x, y) not in labels:
            sheet.thicken(x, y, table)
        sheet.tint(x, y, 1, Tone.HERE)
    if not item.is_edge:
        box = layout.boxes[item.name]
        title = scene.drawing.picture.cards[item.name]
        first = title[0].y if title else box.y
        sheet.tint(box.x + 1, first, box.width - 2, Tone.HERE)
        _chips_again(scene, sheet, item)


def _chips_again(scene: Scene, sheet: _Sheet, item: Item) -> None:
    """What is staged stays seen under the cursor, too."""
    note, slots = scene.notes.get(item), scene.drawing.picture.cards[item.name]
    if note is not None and len(slots) == 1:
        slot = slots[0]
        text = "".join(sheet.char(slot.x + n, slot.y) or " " for n in range(slot.width))
        at = text.rfind(note.text)
        if at >= 0:
            sheet.tint(slot.x + at, slot.y, len(note.text), note.tone)


def _label_cells(scene: Scene, item: Item, sheet: _Sheet) -> frozenset[tuple[int, int]]:
    """Return the cells of the text on a line, which stays as it is."""
    slot = scene.drawing.picture.labels.get(item.name) if item.is_edge else None
    if slot is None:
        return frozenset()
    text = "".join(sheet.char(slot.x + n, slot.y) or slot.fill for n in range(slot.width))
    bare = text.strip(slot.fill)
    first = slot.x + len(text) - len(text.lstrip(slot.fill))
    return frozenset((first + n, slot.y) for n in range(len(bare)))


def _wire_cells(wire: Wire, sheet: _Sheet) -> Iterator[tuple[int, int]]:
    """Yield the cells of a line that are its own: where another lies on top, there is a gap."""
    ends: set[Point] = set(wire.points)
    for one, two in runs(wire):
        if one.y == two.y:
            for x in range(one.x, two.x + 1):
                if Point(x, one.y) in ends or sheet.char(x, one.y) not in _DOWN:
                    yield x, one.y
        else:
            for y in range(one.y, two.y + 1):
                yield one.x, y


def _rim(box: Box) -> Iterator[tuple[int, int]]:
    right, bottom = box.x + box.width - 1, box.y + box.height - 1
    for y in range(box.y, bottom + 1):
        for x in (
            range(box.x, right + 1) if y in (box.y, bottom) and box.height > 1 else (box.x, right)
        ):
            yield x, y


# The map of it all


def inset(scene: Scene, width: int, height: int) -> tuple[Minimap, list[Line]]:
    """Return a map of the picture, with the window in it bright and the cursor marked."""
    layout = scene.drawing.layout
    found = minimap(layout, width, height)
    tones = [[Tone.DIM] * len(row) for row in found.rows]
    _fill(tones, found.place(scene.window), Tone.PLAIN)
    for name, box in layout.boxes.items():
        tone = box_tone(scene.standing.get(name))
        if tone is not Tone.PLAIN:
            _fill(tones, found.place(box), tone)
    if scene.cursor is not None and not scene.cursor.is_edge:
        _fill(tones, found.place(layout.boxes[scene.cursor.name]), Tone.HERE)
    return found, [_line(row, line) for row, line in zip(found.rows, tones, strict=True)]


def _fill(tones: list[list[Tone]], box: Box, tone: Tone) -> None:
    for row in tones[max(0, box.y) : box.y + box.height]:
        first, last = max(0, box.x), min(len(row), box.x + box.width)
        row[first:last] = [tone] * max(0, last - first)
