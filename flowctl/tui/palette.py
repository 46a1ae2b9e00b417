"""Themes: which style each tone has. Cells stand on the background of the terminal, unless a theme
brings its own; colours are those of the 256-colour table, which are short to send over a slow line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rich.style import Style
from textual.theme import Theme

from flowctl.errors import InvalidInput
from flowctl.views.tones import Tone

DEFAULT = "dark"


@dataclass(frozen=True)
class Look:
    """A theme."""

    name: str
    words: str
    """What it is for."""
    tones: Mapping[Tone, str]
    cursor: str
    """Laid over the row under the cursor."""
    marked: str
    bar: str
    """The lines at the top and at the bottom."""
    background: str = "ansi_default"
    foreground: str = "ansi_default"
    dark: bool = True

    @cached_property
    def styles(self) -> dict[Tone, Style]:
        """The style of each tone."""
        return {tone: Style.parse(self.tones.get(tone, "none")) for tone in Tone}

    @cached_property
    def over(self) -> dict[str, Style]:
        """The styles that are laid over others: `cursor`, `marked`, `bar`, `stale`."""
        parsed = {"cursor": self.cursor, "marked": self.marked, "bar": self.bar, "stale": "dim"}
        return {name: Style.parse(text) for name, text in parsed.items()}

    def theme(self) -> Theme:
        """Return it as Textual wants it."""
        return Theme(
            name=f"flowctl-{self.name}",
            primary="ansi_blue",
            background=self.background,
            surface=self.background,
            panel=self.background,
            boost=self.background,
            foreground=self.foreground,
            dark=self.dark,
            ansi=True,
            variables={
                "ansi-background": "ansi_black" if self.dark else "ansi_white",
                "ansi-foreground": "ansi_white" if self.dark else "ansi_black",
            },
        )


LOOKS = {
    look.name: look
    for look in (
        Look(
            "dark",
            "for dark terminals, on their own background",
            {
                Tone.STRONG: "bold", Tone.DIM: "color(245)", Tone.HEAD: "bold color(75)",
                Tone.NAME: "color(153)", Tone.GOOD: "color(114)", Tone.WARN: "color(221)",
                Tone.BAD: "bold color(210)", Tone.NOTE: "color(117)",
                Tone.CHIP: "bold color(16) on color(221)", Tone.MATCH: "color(16) on color(221)",
                Tone.ERROR_LINE: "color(210)", Tone.BACK_LINE: "color(117)",
                Tone.HERE: "bold color(16) on color(117)",
            },
            cursor="on color(238)", marked="bold color(221)", bar="on color(236)",
        ),
        Look(
            "light",
            "black on white",
            {
                Tone.PLAIN: "color(235)", Tone.STRONG: "bold color(16)", Tone.DIM: "color(242)",
                Tone.HEAD: "bold color(25)", Tone.NAME: "color(18)", Tone.GOOD: "color(22)",
                Tone.WARN: "color(94)", Tone.BAD: "bold color(124)", Tone.NOTE: "color(25)",
                Tone.CHIP: "bold color(231) on color(94)", Tone.MATCH: "color(16) on color(221)",
                Tone.ERROR_LINE: "color(124)", Tone.BACK_LINE: "color(25)",
                Tone.HERE: "bold color(231) on color(25)",
            },
            cursor="on color(153)", marked="bold color(94)", bar="on color(254)",
            background="#ffffff", foreground="#262626", dark=False,
        ),
        Look(
            "contrast",
            "white on black, bright and bold",
            {
                Tone.PLAIN: "color(231)", Tone.STRONG: "bold color(231)", Tone.DIM: "color(252)",
                Tone.HEAD: "bold underline color(231)", Tone.NAME: "bold color(231)",
                Tone.GOOD: "bold color(46)", Tone.WARN: "bold color(226)",
                Tone.BAD: "bold color(231) on color(160)", Tone.NOTE: "bold color(51)",
                Tone.CHIP: "bold color(16) on color(226)", Tone.MATCH: "bold color(16) on color(226)",
                Tone.ERROR_LINE: "bold color(203)", Tone.BACK_LINE: "bold color(51)",
                Tone.HERE: "bold color(16) on color(51)",
            },
            cursor="color(16) on color(231)", marked="bold color(226)", bar="color(16) on color(252)",
            background="#000000", foreground="#ffffff",
        ),
        Look(
            "colorblind",
            "blue, orange and vermilion instead of green, yellow and red",
            {
                Tone.STRONG: "bold", Tone.DIM: "color(245)", Tone.HEAD: "bold color(75)",
                Tone.NAME: "color(153)", Tone.GOOD: "color(74)", Tone.WARN: "color(214)",
                Tone.BAD: "bold underline color(208)", Tone.NOTE: "color(117)",
                Tone.CHIP: "bold color(16) on color(214)", Tone.MATCH: "color(16) on color(214)",
                Tone.ERROR_LINE: "color(208)", Tone.BACK_LINE: "color(117)",
                Tone.HERE: "bold color(16) on color(117)",
            },
            cursor="on color(238)", marked="bold color(214)", bar="on color(236)",
        ),
        Look(
            "ansi",
            "the sixteen colours of the terminal",
            {
                Tone.STRONG: "bold", Tone.DIM: "dim", Tone.HEAD: "bold blue", Tone.NAME: "cyan",
                Tone.GOOD: "green", Tone.WARN: "yellow", Tone.BAD: "bold red", Tone.NOTE: "blue",
                Tone.CHIP: "black on yellow", Tone.MATCH: "black on yellow",
                Tone.ERROR_LINE: "red", Tone.BACK_LINE: "cyan",
                Tone.HERE: "reverse bold",
            },
            cursor="reverse", marked="bold yellow", bar="reverse",
        ),
        Look(
            "mono",
            "no colour at all",
            {
                Tone.STRONG: "bold", Tone.DIM: "dim", Tone.HEAD: "bold underline",
                Tone.NAME: "none", Tone.BAD: "bold", Tone.CHIP: "reverse bold",
                Tone.MATCH: "reverse", Tone.NOTE: "bold",
                Tone.HERE: "reverse bold",
            },
            cursor="reverse", marked="bold", bar="reverse",
        ),
    )
}  # fmt: skip
"""All themes by name."""


def choose(name: str, environ: Mapping[str, str]) -> str:
    """Return the theme for a terminal: the one that was asked for, or what it can show.

    Raises:
        InvalidInput: there is no such theme.
    """
    if name in LOOKS:
        return name
    if name:
        raise InvalidInput(f'there is no theme "{name}"', remedy="one of " + ", ".join(LOOKS))
    if environ.get("NO_COLOR") or environ.get("TERM") in ("dumb", "vt100", "vt220"):
        return "mono"
    few = "256" not in environ.get("TERM", "") and not environ.get("COLORTERM")
    return "ansi" if few else DEFAULT


_PLAINER = str.maketrans(
    {
        **dict.fromkeys("─━═╌┄┅╴╶", "-"),
        **dict.fromkeys("│┃║╎┆┇", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╪", "+"),
        **dict.fromkeys("▲△", "^"),
        **dict.fromkeys("▼▽", "v"),
        **dict.fromkeys("▶►→▸", ">"),
        **dict.fromkeys("◀◄←◂", "<"),
        **dict.fromkeys("●◆■█▇▆▅▮", "#"),
        **dict.fromkeys("○◇□▄▃▂▁▯", "o"),
        **dict.fromkeys("·•∙", "."),
        **dict.fromkeys("⏸‖", "="),
        "…": "~",
        "✓": "v",
        "✗": "x",
        "µ": "u",
        "↑": "^",
        "↓": "v",
        **{chr(0x2801 + dots): "#" for dots in range(255)},
        chr(0x2800): " ",
        **dict.fromkeys("┏┓┗┛╠╣╦╩═║▐▌", "#"),
    }
)


def to_ascii(text: str) -> str:
    """Return a text with nothing beyond ASCII, as wide as before.

    >>> to_ascii("par…rows ▲ ─"), to_ascii("ø")
    ('par~rows ^ -', '?')
    """
    if text.isascii():
        return text
    return "".join(char if char.isascii() else "?" for char in text.translate(_PLAINER))
