"""The parameters that several commands share, said once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated

import typer

from flowctl.cli.completion import complete_address, complete_processor, complete_socket
from flowctl.errors import InvalidInput

Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="KIND [NAME]...",
        help="KIND NAME or KIND/NAME; `flowctl explain kinds` lists the kinds.",
        autocompletion=complete_address,
    ),
]
Processors = Annotated[
    list[str], typer.Argument(metavar="PROCESSOR...", autocompletion=complete_processor)
]
SocketName = Annotated[
    str,
    typer.Argument(metavar="SOCKET", help="processor.socket", autocompletion=complete_socket),
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is so.")]
Timeout = Annotated[str, typer.Option("--timeout", help="The longest wait, such as 30s or 5m.")]
Watch = Annotated[bool, typer.Option("-w", "--watch", help="Show it again whenever it changes.")]
Since = Annotated[str, typer.Option("--since", help="How far back, such as 10m, or an ISO time.")]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds(text: str) -> float:
    """Return the seconds that `90`, `30s` or `1m30s` means; nothing means 0.

    >>> seconds("1m30s"), seconds("90"), seconds("")
    (90.0, 90.0, 0.0)

    Raises:
        InvalidInput: it is no length of time.
    """
    if not text:
        return 0.0
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(rf"(?:{_PART.pattern})+", text):
        raise InvalidInput(f'"{text}" is no length of time', remedy="write 30s, 5m or 1h30m")
    return sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))


def moment(text: str, now: datetime) -> datetime | None:
    """Return the moment that `10m` (ago) or an ISO time means; nothing means None.

    Raises:
        InvalidInput: it is neither.
    """
    if not text:
        return None
    if re.fullmatch(r"[\d.]+[a-z]+.*|\d+(\.\d+)?", text):
        return now - timedelta(seconds=seconds(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(
            f'"{text}" is no moment', remedy="write 10m, or 2026-11-05T14:00"
        ) from error
    return at if at.tzinfo else at.astimezone()
