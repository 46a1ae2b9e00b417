"""What every view looks like, cell by cell, in sizes and themes; the files are for reading, too.

`FLOWCTL_PICTURES=write pytest tests/tui/test_tui_pictures.py` writes them anew: look at the difference.
"""

import os
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from flowctl.tui.app import Wishes
from flowctl.tui.places import History, Place
from flowctl.tui.views import VIEWS
from tests import screen, screens, shopfloor
from tests.screen import Home, Screen

FOLDER = Path(__file__).parent / "pictures"
LOOKS = ((60, 20, "dark"), (80, 24, "dark"), (80, 24, "light"), (200, 50, "dark"))
ABOUT = {
    "describe": ":describe proc/orders/enrich",
    "yaml": ":yaml proc/orders/enrich",
    "stats": ":stats agent/h1",
    "call": f":call call/{7:032x}",
    "trace": f":trace run/{2:032x}",
    "peek": ":peek q/orders.mail.send.dead",
}
"""How views that need an object are opened; those that are not here have pictures of their own."""
VARYING = re.compile(r'"?[0-9a-f]{32}"?')


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A busy afternoon."""
    with screen.home(tmp_path_factory.mktemp("pictures") / "home") as made:
        shopfloor.fill(made.control)
        yield made


def picture(shown: Screen) -> str:
    """Return the screen as text, and below it the styles of each line."""
    lines, styles = [], []
    for strip in shown.app.screen._compositor.render_strips():
        text = "".join(part.text for part in strip)
        lines.append(VARYING.sub("x" * 32, text).rstrip())
        if VARYING.search(text):
            styles.append("an id")
            continue
        cells = [str(part.style or "") for part in strip for _ in part.text]
        runs = [(style, len(list(cells))) for style, cells in groupby(cells)]
        styles.append("  ".join(f"{size}:{style}" for style, size in runs))
    legend = [f"{n + 1:>3} {style}" for n, style in enumerate(styles)]
    return "\n".join([*lines, "", *legend, ""])


def compare(name: str, shown: Screen) -> None:
    file, found = FOLDER / f"{name}.txt", picture(shown)
    if os.environ.get("FLOWCTL_PICTURES") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(found)
    assert found == file.read_text(), f"{file} differs; read this file's docstring"


def opened(word: str) -> str:
    return ABOUT.get(word, f":{word}")


PICTURED = [view.word for view in VIEWS if not view.needs or view.word in ABOUT]


@pytest.mark.parametrize(("width", "height", "theme"), LOOKS)
def test_every_view_looks_as_it_did(filled: Home, width: int, height: int, theme: str) -> None:
    async def play(shown: Screen) -> None:
        for word in PICTURED:
            shown.deck.history = History(Place("flows"))  # the way here is no matter of the view
            shown.deck.runner.run(opened(word))
            await shown.until(lambda word=word: shown.deck.view.word == word, word)  # type: ignore[misc]
            await shown.ready()
            compare(f"{word}-{width}x{height}-{theme}", shown)

    filled.play(play, size=(width, height), wishes=Wishes(theme=theme))


@pytest.mark.parametrize("name", ["help", "palette", "dialog", "staged", "marked"])
def test_boxes_and_chips(filled: Home, name: str) -> None:
    keys = {"help": "?", "palette": ";", "dialog": "*K", "staged": "+++", "marked": " j V/ru"}
    names = {"?": "question_mark", ";": "semicolon", "*": "asterisk", "+": "plus", " ": "space",
             "/": "slash"}  # fmt: skip

    async def play(shown: Screen) -> None:
        await shown.press("5")
        await shown.until_says("6 processors")
        await shown.press(*[names.get(key, key) for key in keys[name]])
        compare(f"{name}-80x24", shown)

    filled.play(play, size=(80, 24))


@pytest.mark.parametrize(
    "wishes", [Wishes(ascii=True), Wishes(theme="mono")], ids=["ascii", "mono"]
)
def test_without_unicode_and_without_colour(filled: Home, wishes: Wishes) -> None:
    async def play(shown: Screen) -> None:
        await shown.press("4")
        await shown.until_says("queues")
        await shown.press("greater_than_sign", "question_mark")
        assert shown.text.isascii() or not wishes.ascii
        for strip in shown.app.screen._compositor.render_strips():
            colours = [part.style.color for part in strip if part.style and part.style.color]
            assert wishes.theme != "mono" or all(colour.is_default for colour in colours)

    filled.play(play, size=(80, 24), wishes=wishes)


def test_a_picture_can_be_saved_as_svg(filled: Home) -> None:
    async def play(shown: Screen) -> None:
        assert "enrich" in shown.app.export_screenshot(title="flowctl") or shown.text
        assert shown.app.export_screenshot().startswith("<svg")

    filled.play(play)


def test_the_page_of_screens_shows_the_pictures() -> None:
    """Last in this file, so that writing the pictures writes the page from them."""
    if os.environ.get("FLOWCTL_PICTURES") == "write":
        screens.write()
    assert screens.PAGE.read_text() == screens.page(), "run `make screens`"
