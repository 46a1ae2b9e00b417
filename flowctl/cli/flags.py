"""The flags that every command has, wherever on the line they stand.

Typer wants the options of a group before the command; people write them last. So the line is
sorted before Typer reads it: global flags go to the front, everything else keeps its place, and
nothing after `--` is touched.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Output(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    NAME = "name"


class Color(StrEnum):
    """Whether colours are used."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Flags:
    """What the global flags said."""

    output: Output = Output.TABLE
    network: str = ""
    quiet: bool = False
    debug: bool = False
    asks: bool = True
    """Whether a person may be asked; false without a terminal."""
    color: Color = Color.AUTO
    headers: bool = True


VALUED = frozenset({"-o", "--output", "-n", "--network", "--color"})
_OUTPUT = frozenset({"-o", "--output"})
OWN_OUTPUT = frozenset({"graph"})
"""Commands whose `--output` knows other words than those of the root; it stays theirs."""
BARE = frozenset({"-q", "--quiet", "--debug", "--no-input", "--no-headers"})


def hoist(line: Sequence[str]) -> list[str]:
    """Return the words of a command line with the global flags first.

    >>> hoist(["ls", "processors", "-o", "json", "--", "-q"])
    ['-o', 'json', 'ls', 'processors', '--', '-q']
    >>> hoist(["ls", "--output=name", "-oyaml"])
    ['--output=name', '-o', 'yaml', 'ls']
    >>> hoist(["graph", "-n", "shop", "-o", "dot"])
    ['-n', 'shop', 'graph', '-o', 'dot']
    """
    front: list[str] = []
    rest: list[str] = []
    words = list(line)
    while words:
        word = words.pop(0)
        valued = VALUED - _OUTPUT if rest and rest[0] in OWN_OUTPUT else VALUED
        if word == "--":
            return [*front, *rest, word, *words]
        if word in valued:
            front += [word, *words[:1]]
            del words[:1]
        elif word in BARE or word.partition("=")[0] in valued:
            front.append(word)
        elif word[:2] in valued and len(word) > 2 and word[1] != "-":
            front += [word[:2], word[2:]]
        else:
            rest.append(word)
    return front + rest


def wants_json(line: Sequence[str]) -> bool:
    """Tell whether a command line asks for JSON, for errors that come before it is parsed."""
    words = hoist(line)
    pairs = zip(words, [*words[1:], ""], strict=True)
    return any(
        (word in ("-o", "--output") and value.startswith("json"))
        or word.startswith("--output=json")
        for word, value in pairs
    )


def colorful(
    color: Color, environ: Mapping[str, str] | None = None, *, tty: bool | None = None
) -> bool:
    """Tell whether stdout gets colours: the flag, then NO_COLOR, FORCE_COLOR, then the terminal."""
    environ = os.environ if environ is None else environ
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR") or environ.get("CLICOLOR_FORCE"):
        return True
    tty = sys.stdout.isatty() if tty is None else tty
    return tty and environ.get("TERM") != "dumb"
