"""YAML that is written here is read by YAML as the same value."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from flowctl.views.yaml import to_yaml

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read_back(value: object) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


def test_words_that_yaml_would_turn_into_something_else_are_quoted() -> None:
    awkward = {"a": "yes", "b": "1.5", "c": "null", "d": "12:30", "e": "- x", "f": "2026-11-05"}
    assert yaml.safe_load(to_yaml(awkward)) == awkward


def test_plain_text_stays_plain() -> None:
    assert to_yaml({"name": "parse", "tags": ["a b"]}) == "name: parse\ntags:\n  - a b\n"
