"""Single words: what they take and what they refuse."""

from __future__ import annotations

import pytest

from flowctl.recipe import words
from flowctl.recipe.document import Place, Scalar, resolve
from flowctl.recipe.kinds import Plain


def read(word: Plain, text: str) -> object:
    return word.convert(Scalar(Place(1, 1), text, resolve(text)))


@pytest.mark.parametrize(
    ("word", "text", "value"),
    [
        (words.TEXT, "1.10", "1.10"),
        (words.NAMED, "on", "on"),
        (words.HOST, "10.0.0.1", "10.0.0.1"),
        (words.BOOLEAN, "true", True),
        (words.whole(0), "7", 7),
        (words.choice("zip", "latest"), "ZIP", "zip"),
        (words.CALLS, "2", 2.0),
        (words.MODULE, "a.b:C", "a.b:C"),
        (words.MOMENT, "2027-01-31T06:00:00Z", "2027-01-31T06:00:00Z"),
        (words.COMMAND, "sh -c 'a b'", ("sh", "-c", "a b")),
        (words.PLUG, "a.b  ->  c.d", {"from": "a.b", "to": "c.d", "on": "result"}),
        (words.PLUG, "a.b!>c.d", {"from": "a.b", "to": "c.d", "on": "error"}),
        (words.SOCKET, "größe", {"task": "größe"}),
    ],
)
def test_words_are_read(word: Plain, text: str, value: object) -> None:
    assert read(word, text) == value


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (words.NAMED, "1a"),
        (words.NAMED, "a.b"),
        (words.NAMED, "a" * 64),
        (words.NAMED, "a\n"),
        (words.NAMED, "ä"),
        (words.VARIABLE, "A-B"),
        (words.BOOLEAN, "yes"),
        (words.whole(0), "-1"),
        (words.whole(0), "1.0"),
        (words.whole(0), "true"),
        (words.whole(0), "9999999999"),
        (words.CALLS, "0"),
        (words.CALLS, "1e13"),
        (words.MODULE, "a..b"),
        (words.MODULE, "a:b:c"),
        (words.MODULE, "import"),
        (words.TASK, "class"),
        (words.MOMENT, "2027-01-31T06:00:00"),
        (words.MOMENT, "tomorrow"),
        (words.COMMAND, "'open"),
        (words.COMMAND, "''"),
        (words.FOLDER, "~/x"),
        (words.PLUG, "a.b => c.d"),
        (words.PLUG, "a.b -> c.d -> e.f"),
        (words.ADDRESS, "a.b.c"),
        (words.SPAN, "0s"),
        (words.TEXT, "a\0"),
        (words.TEXT, "~"),
        (words.SOME_TEXT, " "),
    ],
)
def test_other_words_are_refused(word: Plain, text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        read(word, text)
