"""The words for kinds, and how objects are addressed."""

import pytest

from flowctl.errors import InvalidInput
from flowctl.views.kinds import KINDS, address, kind_of, nearest


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("proc", "processor"),
        ("Processors", "processor"),
        ("q", "queue"),
        ("net", "network"),
        ("w", "worker"),
    ],
)
def test_singular_plural_and_short_mean_the_same(word: str, kind: str) -> None:
    assert kind_of(word) == kind


def test_no_word_means_two_kinds() -> None:
    words = [word for kind, others in KINDS.items() for word in (kind, *others)]
    assert len(words) == len(set(words))


def test_an_unknown_kind_offers_the_nearest() -> None:
    with pytest.raises(InvalidInput, match='did you mean "processor"'):
        kind_of("procesor")


@pytest.mark.parametrize(
    ("words", "pairs"),
    [
        (["proc"], [("processor", "")]),
        (["proc", "a", "b"], [("processor", "a"), ("processor", "b")]),
        (["proc/a", "q/n.a.b"], [("processor", "a"), ("queue", "n.a.b")]),
        (["proc/net/a"], [("processor", "net/a")]),
        (["processor", "net/a"], [("processor", "net/a")]),
    ],
)
def test_addresses(words: list[str], pairs: list[tuple[str, str]]) -> None:
    assert address(words) == pairs


def test_nothing_near_is_nothing() -> None:
    assert nearest("zzz", ["alpha", "beta"]) == ""
