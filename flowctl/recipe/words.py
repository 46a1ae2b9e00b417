"""The single words of a recipe: names, numbers, durations, addresses, and how each is read.

Every word is a `Plain`: what people are told to write there, how it is read, and its JSON Schema.
"""

from __future__ import annotations

import keyword
import re
import shlex
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flowctl.errors import InvalidInput
from flowctl.model.canvas import Node
from flowctl.recipe import expression, guards
from flowctl.recipe.document import Scalar
from flowctl.recipe.kinds import Plain
from flowctl.recipe.units import parse_duration, parse_rate, parse_size

NAME = r"[A-Za-z][A-Za-z0-9_-]{0,62}"
_HOST = r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}"
_ADDRESS = rf"{NAME}\.{NAME}"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]{0,254}"
_ARROW = re.compile(r"(?P<source>.+?)\s*(?P<arrow>->|!>)\s*(?P<target>.+)")
_LARGEST = 2**31 - 1


def _text(word: Scalar) -> str:
    """Return the text as written: `ref: 1.10` is a text, not a number."""
    if word.value is None:
        raise ValueError
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in word.text):
        raise ValueError("a text holds no NUL and no half characters")
    return word.text


def _some_text(word: Scalar) -> str:
    if not (text := _text(word)).strip():
        raise ValueError
    return text


def _matching(pattern: str, why: str = "") -> Callable[[Scalar], str]:
    compiled = re.compile(pattern, re.ASCII)

    def convert(word: Scalar) -> str:
        if not compiled.fullmatch(text := _text(word)):
            raise ValueError(why)
        return text

    return convert


def _guarded(problem: Callable[[str], str]) -> Callable[[Scalar], str]:
    def convert(word: Scalar) -> str:
        text = _some_text(word)
        if sentence := problem(text):
            raise ValueError(sentence)
        return text

    return convert


def _name(pattern: str, expects: str) -> Plain:
    return Plain(expects, _matching(pattern), {"type": "string", "pattern": f"^{pattern}$"})


def _whole(word: Scalar) -> int:
    if not isinstance(word.value, int) or isinstance(word.value, bool):
        raise ValueError
    return word.value


def whole(least: int, most: int = _LARGEST) -> Plain:
    """Return the word for a whole number within bounds."""

    def convert(word: Scalar) -> int:
        if not least <= (number := _whole(word)) <= most:
            raise ValueError
        return number

    expects = f"a whole number, {least} or more" if most == _LARGEST else f"{least} to {most}"
    return Plain(expects, convert, {"type": "integer", "minimum": least, "maximum": most})


AUTO = -1
"""The cpus of a processor that takes as many as the machine has that the recipe is applied on."""


def cpus() -> Plain:
    """Return the word for the cpus of a processor: a whole number, or `auto`."""
    number = whole(0)

    def convert(word: Scalar) -> int:
        return AUTO if word.text == "auto" else int(number.convert(word))

    json = {"oneOf": [number.json, {"const": "auto"}]}
    return Plain(f"{number.expects}, or auto", convert, json)


def choice(*words: str) -> Plain:
    """Return the word for one of a few."""

    def convert(word: Scalar) -> str:
        if word.text.lower() not in words:
            raise ValueError
        return word.text.lower()

    return Plain("one of " + ", ".join(words), convert, {"type": "string", "enum": list(words)})


def _boolean(word: Scalar) -> bool:
    if not isinstance(word.value, bool):
        raise ValueError
    return word.value


def _number(word: Scalar) -> float:
    if isinstance(word.value, bool) or not isinstance(word.value, int | float) or word.value <= 0:
        raise ValueError
    if word.value > 1e12:
        raise ValueError("at most 1e12")
    return float(word.value)


def _plainly(parse: Callable[[str], Any]) -> Callable[[Scalar], Any]:
    def convert(word: Scalar) -> Any:
        return parse(_text(word))

    return convert


def _rate(word: Scalar) -> dict[str, float]:
    calls, per = parse_rate(_text(word))
    return {"calls": calls, "per": per}


def _positive_duration(word: Scalar) -> float:
    if (seconds := parse_duration(_text(word))) <= 0:
        raise ValueError
    return seconds


def _module(word: Scalar) -> str:
    module, colon, cls = _text(word).partition(":")
    if not all(map(is_identifier, module.split("."))) or (colon and not is_identifier(cls)):
        raise ValueError
    return word.text


def is_identifier(text: str) -> bool:
    """Tell whether Python takes a text for a name."""
    return text.isidentifier() and not keyword.iskeyword(text)


def _identifier(word: Scalar) -> str:
    if not is_identifier(text := _text(word)):
        raise ValueError
    return text


def _dotted(word: Scalar) -> str:
    if not all(map(is_identifier, (text := _text(word)).split("."))):
        raise ValueError
    return text


def _command(word: Scalar) -> tuple[str, ...]:
    try:
        parts = tuple(shlex.split(_some_text(word)))
    except ValueError as error:
        raise ValueError(f"cannot be split into words: {error}".replace("No ", "no ")) from error
    if not parts or not parts[0]:
        raise ValueError
    return parts


def _folder(word: Scalar) -> str:
    if (text := _some_text(word)).startswith("~"):
        raise ValueError('"~" is not expanded; write the whole path, or one relative to the recipe')
    return text


def _moment(word: Scalar) -> str:
    try:
        moment = datetime.fromisoformat(text := _text(word))
    except ValueError as error:
        raise ValueError("") from error
    if moment.tzinfo is None:
        raise ValueError("a moment needs its offset: end it with Z or with +02:00")
    return text


def _address(word: Scalar) -> str:
    return address(_text(word))


def address(text: str) -> str:
    """Return `processor.socket` as written.

    Raises:
        ValueError: it is something else; says what to write.
    """
    if re.fullmatch(_ADDRESS, text):
        return text
    if re.fullmatch(rf"{_ADDRESS}\.\w+", text):
        raise ValueError(
            f'"{text}" names an argument; write the plug as a mapping with an `argument` key'
        )
    if re.fullmatch(NAME, text):
        raise ValueError(f'"{text}" names a processor; a plug needs processor.socket')
    raise ValueError


def _plug(word: Scalar) -> dict[str, str]:
    if not (match := _ARROW.fullmatch(_text(word))):
        raise ValueError
    kind = "error" if match["arrow"] == "!>" else "result"
    source, colon, route = match["source"].partition(":")
    if colon and not re.fullmatch(NAME, route):
        raise ValueError(f'"{route}" cannot be the name of a route')
    ends = {"from": address(source), "to": address(match["target"])}
    return {**ends, "on": kind, **({"route": route} if route else {})}


def _task_of_socket(word: Scalar) -> dict[str, str]:
    return {"task": _identifier(word)}


def _step(word: Scalar) -> Node:
    try:
        return expression.read(_some_text(word))
    except InvalidInput as error:
        raise ValueError(error.message) from error


def _attempts(word: Scalar) -> dict[str, int]:
    return {"max": RETRIES.convert(word)}


def _mode(word: Scalar) -> dict[str, str]:
    return {"mode": JOIN_MODE.convert(word)}


def _web(word: Scalar) -> str:
    if not re.fullmatch(r"https?://[^\s/]\S*", text := _text(word)):
        raise ValueError
    return text


_NUMERIC = {"type": ["string", "number"]}

TEXT = Plain("a text", _text, {"type": ["string", "number", "boolean"]})
SOME_TEXT = Plain("a text that is not empty", _some_text, {"type": "string", "minLength": 1})
BOOLEAN = Plain("true or false", _boolean, {"type": "boolean"})
NAMED = _name(NAME, "a name: a letter, then letters, digits, - and _, at most 63 in all")
HOST = _name(_HOST, "the name of a host or agent")
VARIABLE = _name(_VARIABLE, "the name of a variable: letters, digits and _")
ADDRESS = Plain("processor.socket", _address, {"type": "string", "pattern": f"^{_ADDRESS}$"})
MODULE = Plain("a module such as shop.parse or shop.parse:Parser", _module)
TASK = Plain("the name of a function", _identifier)
ARGUMENT = Plain("the name of an argument", _identifier)
EXCEPTION = Plain("the name of an exception", _dotted)
DURATION = Plain("a duration such as 30s or 1h30m", _plainly(parse_duration), _NUMERIC)
SPAN = Plain("a duration above zero such as 30s", _positive_duration, _NUMERIC)
SIZE = Plain("a size such as 512M", _plainly(parse_size), _NUMERIC)
CALLS = Plain("a number above zero", _number, {"type": "number", "exclusiveMinimum": 0})
RATE = Plain("a rate such as 100/s, 60/m or 1000/h", _rate)
RETRIES = whole(0, 1000)
RETRY = Plain("a number of retries", _attempts, RETRIES.json)
JOIN_MODE = choice("zip", "latest")
JOIN = Plain(JOIN_MODE.expects, _mode, JOIN_MODE.json)
MOMENT = Plain("a moment such as 2027-01-31T06:00:00Z", _moment)
WEB = Plain("an address that begins with https:// or http://", _web)
URL = Plain("a git address", _guarded(guards.git_url_problem))
REF = Plain("a branch, tag or commit", _guarded(guards.git_ref_problem))
REQUIREMENT = Plain("a requirement such as httpx>=0.27", _guarded(guards.requirement_problem))
INNER_PATH = Plain("a folder inside the checkout", _guarded(guards.inner_path_problem))
FOLDER = Plain("a folder", _folder)
COMMAND = Plain("a command line", _command)
SOCKET = Plain("the name of a function", _task_of_socket)
STEP = Plain("a socket such as a.x, or a canvas such as a.x | [b.y, c.z(limit=3)]", _step)
PLUG = Plain('"a.b -> c.d" or "a.b !> c.d"', _plug)
VERSION = Plain("1, the only version there is", whole(1, 1).convert, {"const": 1})
