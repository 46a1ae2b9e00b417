"""YAML for reading: a document written in block style, without the library.

Every scalar that YAML might read as something else is written as JSON, which YAML reads the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+@-]*(?: [A-Za-z0-9_./+@-]+)*")
_ODD = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What YAML does not take as it is."""
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def to_yaml(value: Any) -> str:
    """Return a JSON value as YAML."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _entry(f"{pad}{_scalar(key)}:", item, depth)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _entry(f"{pad}-", item, depth)
    else:
        yield pad + _scalar(value)


def _entry(head: str, item: Any, depth: int) -> Iterator[str]:
    if not isinstance(item, dict | list) or not item:
        yield f"{head} {_scalar(item)}"
    elif head.endswith("-"):
        first, *rest = _lines(item, depth + 1)
        yield f"{head} {first.lstrip()}"
        yield from rest
    else:
        yield head
        yield from _lines(item, depth + 1)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        # YAML takes 1e+16 for text, JSON writes it so.
        return text if "." in text or "e" not in text else text.replace("e", ".0e")
    return _ODD.sub(lambda found: f"\\U{ord(found[0]):08x}", text)
