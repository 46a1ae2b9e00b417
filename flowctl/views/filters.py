"""The filter language: what a person types after `/` to see less.

Words stand between spaces and all must hold: `text` is a regular expression over each cell (its case
counts once it has a capital), `!text` must not be there, `~text` has its letters in this order, `key=value` and
`key!=value` compare a column or a label (with `*` for anything), `key>n` `<` `>=` `<=` compare
numbers: `ready>1k`, `memory>200MiB`, `duration>1.5s`. Quotes hold a word with spaces together. What
is no valid expression is looked for as it stands, so that half a word typed never empties the screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Any

Test = Callable[[str, Mapping[str, Any]], bool]
"""Tells whether a row is meant: by its whole text, and by its document."""

_WORD = re.compile(r'"([^"]*)"|(\S+)')
_COMPARISON = re.compile(r"([\w.-]+)(!=|>=|<=|=|>|<)(.*)", re.DOTALL)
_NUMBER = re.compile(r"([-+]?\d+(?:\.\d+)?)\s*([A-Za-zµ%]*)")
_UNITS = {
    "": 1.0,
    "%": 1.0,
    "k": 1e3,
    "m": 60.0,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "B": 1.0,
    "KiB": 2.0**10,
    "MiB": 2.0**20,
    "GiB": 2.0**30,
    "TiB": 2.0**40,
    "ms": 1e-3,
    "s": 1.0,
    "h": 3600.0,
    "d": 86400.0,
}


@dataclass(frozen=True)
class Filter:
    """What is typed, and what it means."""

    text: str = ""
    tests: tuple[Test, ...] = ()
    note: str = ""
    """What is odd about it, for the person who typed it."""

    def matches(self, text: str, document: Mapping[str, Any]) -> bool:
        """Tell whether a row is meant."""
        return all(test(text, document) for test in self.tests)


EVERYTHING = Filter()


def parse(text: str, keys: Sequence[str] = ()) -> Filter:
    """Read a filter; `keys` are those of the columns, any other key is looked for among labels.

    >>> parse("par").matches("parse running", {}), parse("!run").matches("parse running", {})
    (True, False)
    >>> parse("ready>1k", ["ready"]).matches("", {"ready": 1204})
    True
    """
    tests, notes = [], []
    for found in _WORD.finditer(text.strip()):
        quoted, bare = found.groups()
        test, note = _contains(quoted) if bare is None else _test(bare, keys)
        tests.append(test)
        notes += [note] if note else []
    return Filter(text.strip(), tuple(tests), "; ".join(notes))


def _test(word: str, keys: Sequence[str]) -> tuple[Test, str]:
    if word.startswith("!") and len(word) > 1:
        inner, note = _test(word[1:], keys)
        return lambda text, document: not inner(text, document), note
    if word.startswith("~") and len(word) > 1:
        return _fuzzy(word[1:]), ""
    if compared := _COMPARISON.fullmatch(word):
        key, operator, value = compared.groups()
        return _compare(_full(key, keys), operator, value)
    return _contains(word)


def _contains(word: str) -> tuple[Test, str]:
    flags = re.MULTILINE | (re.IGNORECASE if word == word.lower() else re.NOFLAG)
    try:
        search = re.compile(word, flags).search
    except re.error as error:
        return _contains_plain(word, flags), f"{word}: {error.msg}, looked for as it stands"
    return lambda text, _document: search(text) is not None, ""


def _contains_plain(word: str, flags: re.RegexFlag) -> Test:
    search = re.compile(re.escape(word), flags).search
    return lambda text, _document: search(text) is not None


def _fuzzy(word: str) -> Test:
    search = re.compile(".*?".join(map(re.escape, word)), re.IGNORECASE).search
    return lambda text, _document: search(text) is not None


def _full(key: str, keys: Sequence[str]) -> str:
    """Return the key that is meant: this one, or the only one that begins so."""
    if key in keys:
        return key
    begun = [name for name in keys if name.startswith(key.lower())]
    return begun[0] if begun else key


def _compare(key: str, operator: str, value: str) -> tuple[Test, str]:
    if operator in ("=", "!="):
        matches = re.compile(translate(value.lower())).match
        wanted = operator == "="
        return lambda _text, document: _is_any(document, key, matches) is wanted, ""
    number = number_of(value)
    if number is None:
        note = f"{key}{operator}{value}: {value} is no number" if value else ""
        return lambda _text, _document: True, note
    compare = _COMPARE[operator]
    return lambda _text, document: _ranks(document.get(key), number, compare), ""


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
}


def number_of(text: str) -> float | None:
    """Return the number that a person means; None where it is none.

    >>> number_of("1.2k"), number_of("30s"), number_of("2GiB"), number_of("many")
    (1200.0, 30.0, 2147483648.0, None)
    """
    found = _NUMBER.fullmatch(text.strip())
    if not found or found[2] not in _UNITS:
        return None
    return float(found[1]) * _UNITS[found[2]]


def _ranks(value: object, number: float, compare: Callable[[float, float], bool]) -> bool:
    if isinstance(value, str):
        value = number_of(value)
    return isinstance(value, int | float) and compare(float(value), number)


def _is_any(document: Mapping[str, Any], key: str, matches: Callable[[str], Any]) -> bool:
    found = document[key] if key in document else _label(document, key)
    values = found if isinstance(found, list) else [found]
    return any(matches(_said(value)) is not None for value in values)


def _label(document: Mapping[str, Any], key: str) -> object:
    labels = document.get("labels")
    return labels.get(key, "") if isinstance(labels, Mapping) else ""


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).lower()
