"""docs/screens.md: what every view looks like, as text, made from the pictures that the tests compare.

`make screens` writes the pictures and the page anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from flowctl.tui.view import View
from flowctl.tui.views import VIEWS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "screens.md"
PICTURES = ROOT / "tests" / "tui" / "pictures"
BOXES = {
    "help": "`?` explains the keys that work where one is. It is made from what the keys are bound to.",
    "palette": "`;` finds any action by its words; the key stands before it, its command behind it.",
    "marked": "`space`, `V` and `*` mark; what is marked and hidden by a filter is counted.",
    "staged": "`+` and `-` stage cpus; Enter applies them, Esc drops them.",
    "dialog": "What is hard to take back asks first. Enter alone means no.",
}
_INTRO = """# What the cockpit looks like

`flowctl ui` opens it. Every view is shown at 80x24 and at 200x50, as the terminal shows it but without colours;
runs of empty lines are left out. The data are made up: two networks, three hosts, one of them silent. `?` explains the
keys in every view, `0` is the menu, `:` takes commands, `;` finds any action.

This page is made by `make screens`; a test holds it true.
"""
_EMPTY = re.compile(r"(?:[ ]*\n){3,}")


def page() -> str:
    """Return the whole page."""
    return "\n".join([_INTRO, *_views(), *_boxes()])


def _views() -> Iterator[str]:
    keyed = sorted((view for view in VIEWS if view.key), key=lambda view: view.key)
    for view in (*keyed, *(view for view in VIEWS if not view.key)):
        shots = [PICTURES / f"{view.word}-{size}-dark.txt" for size in ("80x24", "200x50")]
        if all(shot.exists() for shot in shots):
            yield f"## {view.word.capitalize()}\n\n{view.words}. {_way(view)}\n"
            yield from map(_shown, shots)


def _way(view: type[View]) -> str:
    if view.key:
        return f"`{view.key}` or `:{view.word}`."
    return f"`:{view.word} KIND/NAME`." if view.needs else f"`:{view.word}`."


def _boxes() -> Iterator[str]:
    yield "## Keys, marks and questions\n"
    for name, words in BOXES.items():
        yield f"{words}\n"
        yield _shown(PICTURES / f"{name}-80x24.txt")


def _shown(shot: Path) -> str:
    """Return the lines of a picture; the styles below them are for tests."""
    lines = shot.read_text().partition("\n\n  1 ")[0]
    return f"```text\n{_EMPTY.sub(chr(10) * 2, lines + chr(10)).rstrip()}\n```\n"


def write() -> None:
    """Write the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    write()
