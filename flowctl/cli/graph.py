"""`graph`: the picture of a network, still or live, for the eye or for other programs."""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from flowctl.cli.completion import complete_network, complete_processor
from flowctl.cli.flags import Flags, Output, colorful
from flowctl.cli.lazy import command_app
from flowctl.cli.output import emit, json_text, say
from flowctl.cli.session import session_of
from flowctl.errors import InvalidInput, StateUnavailable
from flowctl.graph.build import Grain, Graph
from flowctl.graph.exports import document, dot, mermaid
from flowctl.graph.fold import Sheet, lines, sheets
from flowctl.graph.layout import Orient
from flowctl.graph.physics import Limit
from flowctl.graph.picture import Options, draw
from flowctl.graph.svg import svg
from flowctl.model.flow import Topology
from flowctl.services import names, networks, pictures
from flowctl.services.control import Control
from flowctl.services.pictures import Reading, Wanted
from flowctl.views.table import VERSION
from flowctl.views.text import clock_time, plural

app = command_app()
_PAUSE = 1.0


class Form(StrEnum):
    """How a picture is written."""

    TEXT = "text"
    ASCII = "ascii"
    DOT = "dot"
    MERMAID = "mermaid"
    JSON = "json"
    SVG = "svg"


@app.command(name="graph")
def graph(
    ctx: typer.Context,
    network: Annotated[
        str, typer.Argument(metavar="[NETWORK]", autocompletion=complete_network)
    ] = "",
    output: Annotated[
        Form | None, typer.Option("-o", "--output", help="How to write the picture.")
    ] = None,
    width: Annotated[
        int | None, typer.Option("--width", help="Columns; 0 for as many as it takes.", min=0)
    ] = None,
    focus: Annotated[
        str,
        typer.Option(
            "--focus",
            metavar="PROC",
            help="Only what is near it.",
            autocompletion=complete_processor,
        ),
    ] = "",
    hops: Annotated[int, typer.Option("--hops", help="How near, in plugs.", min=0)] = 1,
    orient: Annotated[
        Orient | None, typer.Option("--orient", help="Left to right, or top to bottom.")
    ] = None,
    sockets: Annotated[bool, typer.Option("--sockets", help="One card a socket.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="With numbers; on a terminal again every second.")
    ] = False,
) -> None:
    """Draw a network: its processors, the plugs between them, and with --live what they carry."""
    session = session_of(ctx)
    wanted = Wanted(Grain.SOCKET if sockets else Grain.PROCESSOR, focus=focus, hops=hops)
    form = output or _form_of(session.flags.output)
    options = Options(
        width=_width() if width is None else width,
        orient=orient,
        ascii=form is Form.ASCII,
        live=live,
    )
    with session.control() as control:
        name = names.the_network(control, network.removeprefix("network/"))
        view = View(control, name, wanted, options)
        if live and form in (Form.TEXT, Form.ASCII) and sys.stdout.isatty():
            _follow(view, session.flags)
        else:
            _once(view, form, session.flags)


def _form_of(output: Output) -> Form:
    if output in (Output.TABLE, Output.WIDE):
        return Form.TEXT
    if output in (Output.JSON, Output.JSONL):
        return Form.JSON
    forms = ", ".join(Form)
    raise InvalidInput(f"a graph cannot be written as {output}", remedy=f"one of {forms}")


def _width() -> int:
    """Return the columns of the terminal; a pipe takes what comes."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


class View:
    """A network as it is drawn: laid out anew only when its shape or the terminal changes."""

    def __init__(self, control: Control, name: str, wanted: Wanted, options: Options) -> None:
        self.control, self.name, self.wanted, self.options = control, name, wanted, options
        self._shown: tuple[Graph, Options] | None = None
        self._sheets: tuple[Sheet, ...] = ()

    def topology(self) -> Topology:
        """Read the network."""
        return networks.topology(self.control, self.name)

    def reading(self, topology: Topology) -> Reading | None:
        """Read the numbers, where they are wanted."""
        return pictures.measure(self.control, topology) if self.options.live else None

    def sheets(self, topology: Topology, options: Options) -> tuple[Sheet, ...]:
        """Return the drawing of a network, folded where it is wider than the terminal."""
        shape = pictures.graph(topology, self.wanted)
        if self._shown != (shape, options):
            seed = {
                name: at for each in self._sheets for name, at in each.drawing.layout.order.items()
            }
            self._sheets, self._shown = sheets(shape, options, seed), (shape, options)
        return self._sheets


def _once(view: View, form: Form, flags: Flags) -> None:
    topology = view.topology()
    reading = view.reading(topology)
    overlay = reading.overlay if reading else None
    shape = pictures.graph(topology, view.wanted)
    match form:
        case Form.DOT:
            emit(dot(shape))
        case Form.MERMAID:
            emit(mermaid(shape))
        case Form.JSON:
            emit(json_text({"version": VERSION, "kind": "graph", **document(shape, overlay)}))
        case Form.SVG:
            emit(svg(draw(shape, view.options), overlay))
        case Form.TEXT | Form.ASCII:
            picture = lines(view.sheets(topology, view.options), overlay)
            emit("".join(f"{line}\n" for line in _painted(picture, flags)))
            for line in _caption(view, reading):
                say(flags, line)


_TINTS = (
    (re.compile("[┄┆]+"), "31"),
    (re.compile("[╌╎]+"), "36"),
    (re.compile(r"\bb \d+/\d+"), "1;33"),
)
"""Lines of errors, lines that lead back, the mark of what limits; shape and text say the same."""


def _painted(lines: Iterable[str], flags: Flags) -> list[str]:
    if not colorful(flags.color):
        return list(lines)
    return [_tinted(line) for line in lines]


def _tinted(line: str) -> str:
    for pattern, color in _TINTS:
        line = pattern.sub(f"\x1b[{color}m\\g<0>\x1b[0m", line)
    return line


def _caption(view: View, reading: Reading | None) -> Iterator[str]:
    """Yield what is told beside a picture."""
    if reading is None:
        return
    if not reading.broker:
        yield "the broker does not answer: how much waits is unknown"
    if limit := reading.limit:
        yield f"b  {limit.processor} limits {view.name}: {limit.reason}"
        yield f"   {_advice(limit, reading.overlay.processors[limit.processor].running)}"


def _advice(limit: Limit, running: int) -> str:
    if limit.stuck:
        return f"try: flowctl why {limit.processor}"
    if limit.cpus <= running:
        return "its cpus are enough for what arrives; it works off what waits"
    command = f"flowctl scale {limit.processor}={limit.cpus}"
    return f"{plural(limit.cpus, 'cpu')} would balance it: {command}"


def _follow(view: View, flags: Flags) -> None:
    """Draw again every second, over the picture before, until Ctrl-C."""
    never, shown = threading.Event(), ""
    with _screen():
        while True:
            try:
                shown = frame(view, flags)
                emit(shown)
            except StateUnavailable as error:
                emit(f"{shown}\r\n{error.message}: this picture is old\x1b[K")
            sys.stdout.flush()
            never.wait(_PAUSE)


def frame(view: View, flags: Flags) -> str:
    """Return one live picture as what a terminal is sent."""
    columns, rows = shutil.get_terminal_size()
    options = Options(
        width=view.options.width or columns,
        height=rows - 4,
        orient=view.options.orient,
        ascii=view.options.ascii,
        live=True,
    )
    topology = view.topology()
    reading = view.reading(topology)
    shown = lines(view.sheets(topology, options), reading.overlay if reading else None)
    head = f"{view.name}  {clock_time(view.control.clock.now())} UTC  (Ctrl-C ends)"
    picture = [line[:columns] for line in shown]
    # What is told stands above, in lines of its own: a tall picture may end below the screen.
    told = [*_caption(view, reading), "", ""][:2]
    frame = [head, *told, "", *_painted(picture, flags)][:rows]
    return "\x1b[H" + "\r\n".join(f"{line}\x1b[K" for line in frame) + "\x1b[J"


@contextmanager
def _screen() -> Iterator[None]:
    """Take the other screen of the terminal and give the first back as it was."""
    emit("\x1b[?1049h\x1b[?25l\x1b[?7l")
    try:
        yield
    finally:
        emit("\x1b[?7h\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
