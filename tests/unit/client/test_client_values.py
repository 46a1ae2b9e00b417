"""Python values survive the way to a socket and back, or are refused."""

import doctest
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.client import values
from flowctl.errors import InvalidInput

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    PLAIN | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def there_and_back(value: object) -> Any:
    sent = values.payload(value)
    return values.value_of(sent.content_type, sent.body)


def test_examples_in_the_docs_run() -> None:
    assert doctest.testmod(values).failed == 0


@given(JSON)
def test_what_json_carries_comes_back_the_same(value: object) -> None:
    back = there_and_back(value)
    assert back == value
    assert repr(back) == repr(value)


@given(st.binary())
def test_bytes_come_back_the_same(value: bytes) -> None:
    assert there_and_back(value) == value
    assert there_and_back(bytearray(value)) == value
    assert there_and_back(memoryview(value)) == value


def _endless() -> list[object]:
    endless: list[object] = []
    endless.append(endless)
    return endless


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (math.nan, "this cannot be sent: Out of range float"),
        (math.inf, "this cannot be sent"),
        ({1, 2}, "set is not JSON serializable"),
        (object(), "object is not JSON serializable"),
        ("\ud800", "surrogates not allowed"),
        (_endless(), "Circular reference"),
        ([{"a": ({None: 1},)}], "JSON takes only text as keys, not None"),
        ({True: 1}, "JSON takes only text as keys, not True"),
        ([{b"k": 1}], "keys must be str"),
    ],
)
def test_what_would_not_come_back_is_refused(value: object, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        values.payload(value)
