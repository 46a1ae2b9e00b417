"""Words of a document and the values they stand for."""

from __future__ import annotations

import pytest

from flowctl.recipe.document import Listing, Place, Scalar, Table, name_of, resolve

HERE = Place(1, 1)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("On", "On"),
        ("n", "n"),
        ("", None),
        ("~", None),
        ("null", None),
        ("-12", -12),
        ("010", 10),
        ("0x1F", "0x1F"),
        ("0o7", "0o7"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("2027-01-31", "2027-01-31"),
        ("٣", "٣"),
    ],
)
def test_words_mean_what_they_mean_in_json(word: str, value: object) -> None:
    found = resolve(word)
    assert (type(found), found) == (type(value), value)


def test_nodes_say_what_they_are() -> None:
    assert name_of(Scalar(HERE, "x", "x")) == '"x"'
    assert name_of(Scalar(HERE, "~", None)) == "nothing"
    assert name_of(Scalar(HERE, "x" * 99, "x" * 99)) == f'"{"x" * 57}..."'
    assert name_of(Listing(HERE, (), 1, 1)) == "a list"
    assert name_of(Table(HERE, (), 1, 1)) == "a mapping"
