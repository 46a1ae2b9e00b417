"""What a running flow measures, as pictures and physics want it."""

from __future__ import annotations

from msgspec import Struct

from flowctl.model.work import Trend


class PlugLive(Struct, frozen=True, kw_only=True):
    """What a plug carries now. None means not known."""

    depth: int | None = None
    """Messages that wait or are being worked on."""
    in_rate: float | None = None
    """Messages a second that arrive."""
    out_rate: float | None = None
    """Messages a second that are done."""
    trend: Trend = Trend.STEADY
    limit: int = 0
    """How many messages it may hold; 0 for no limit."""


class ProcessorLive(Struct, frozen=True, kw_only=True):
    """How a processor does now."""

    wanted: int = 0
    running: int = 0
    utilisation: float | None = None
    """The part of its running cpus that is busy, 0 to 1."""
    failures: int = 0
    status: str = ""
    limiting: str = ""
    """Why it limits its flow; empty where it does not."""


class Overlay(Struct, frozen=True, kw_only=True):
    """Numbers for a picture; what is missing is drawn without."""

    plugs: dict[str, PlugLive] = {}
    processors: dict[str, ProcessorLive] = {}
