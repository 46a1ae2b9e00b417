"""The characters of a picture: with lines and corners, or plain ASCII of the same shape."""

from __future__ import annotations

from msgspec import Struct


class Stroke(Struct, frozen=True):
    """How a line looks."""

    across: str
    down: str


class Glyphs(Struct, frozen=True, kw_only=True):
    """All characters of one way to draw. Corners are named by the two sides they join."""

    plain: Stroke
    error: Stroke
    back: Stroke
    south_east: str
    south_west: str
    north_east: str
    north_west: str
    arrows: str
    """Right, down, left, up."""
    box: str
    """Corners from the upper left on, clockwise, then across and down."""
    pins: str
    """Where lines leave a box: right, bottom, left, top."""


UNICODE = Glyphs(
    plain=Stroke("─", "│"),
    error=Stroke("┄", "┆"),
    back=Stroke("╌", "╎"),
    south_east="╭",
    south_west="╮",
    north_east="╰",
    north_west="╯",
    arrows="▶▼◀▲",
    box="┌┐┘└─│",
    pins="├┬┤┴",
)

ASCII = Glyphs(
    plain=Stroke("-", "|"),
    error=Stroke("~", ":"),
    back=Stroke("=", '"'),
    south_east=".",
    south_west=".",
    north_east="'",
    north_west="'",
    arrows=">v<^",
    box="++++-|",
    pins="++++",
)
