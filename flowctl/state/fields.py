"""How values become columns and come back, the same way in both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from peewee import BigIntegerField, BlobField, TextField

from flowctl.errors import Misconfigured

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EXACT = 2**52
"""Microseconds (until the year 2112) that the arithmetic of floats does not round."""


def perhaps_micros(moment: datetime | None) -> int | None:
    """Return a moment that may be missing as microseconds since 1970 (the hot path's own)."""
    if moment is None:
        return None
    quick = round(moment.timestamp() * 1e6)
    return quick if -_EXACT < quick < _EXACT else (moment - EPOCH) // _MICROSECOND


def micros(moment: datetime) -> int:
    """Return an aware moment as microseconds since 1970."""
    quick = round(moment.timestamp() * 1e6)
    return quick if -_EXACT < quick < _EXACT else (moment - EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """Return the aware moment, in UTC, of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)


def encode(value: object) -> str:
    """Return JSON text that every database takes.

    What no text can hold (half of a surrogate pair, from a user's own string) becomes "?".
    """
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(msgspec.to_builtins(value))).decode()


def clean(text: str) -> str:
    """Return text that every database takes: Postgres knows no NUL, UTF-8 no lone surrogates."""
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_mended(key): _mended(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(each) for each in value]
    return value


class Moment(BigIntegerField):
    """An aware moment, kept as microseconds since 1970 so that both databases order it alike."""

    def db_value(self, value: Any) -> Any:
        """Return what the column holds."""
        return micros(value) if isinstance(value, datetime) else value

    def python_value(self, value: Any) -> Any:
        """Return the moment."""
        return None if value is None else moment(value)


class Words(TextField):
    """Text of people and programs, made fit for the column."""

    def db_value(self, value: Any) -> Any:
        """Return what the column holds."""
        return None if value is None else clean(value)


class Choice(TextField):
    """One of an enumeration."""

    def __init__(self, enum: type[StrEnum], **options: Any) -> None:
        super().__init__(**options)
        self._enum = enum

    def db_value(self, value: Any) -> Any:
        """Return what the column holds."""
        return str(value)

    def python_value(self, value: Any) -> Any:
        """Return the member."""
        return self._enum(value)


class Document(TextField):
    """A value as JSON text; a str is taken for JSON (or a pattern of it) already."""

    def __init__(self, type_: Any, **options: Any) -> None:
        super().__init__(**options)
        self._type = type_
        self._decoder: msgspec.json.Decoder[Any] | None = None

    def db_value(self, value: Any) -> Any:
        """Return what the column holds."""
        return value if value is None or isinstance(value, str) else encode(value)

    def python_value(self, value: Any) -> Any:
        """Return the value."""
        if value is None:
            return None
        if self._decoder is None:
            self._decoder = msgspec.json.Decoder(self._type)
        try:
            return self._decoder.decode(value)
        except msgspec.MsgspecError as error:
            raise Misconfigured(
                f"the database holds a {self.name} that this flowctl cannot read: {error}",
                remedy="upgrade flowctl on this host",
            ) from error


class Body(BlobField):
    """Bytes, given back as bytes by every driver."""

    def python_value(self, value: Any) -> Any:
        """Return the bytes, or None where an outer join found no row."""
        return None if value is None else bytes(value)
