import pytest

from flowctl.planning.shrink import shrink


@pytest.mark.parametrize(
    ("claims", "overage", "changed"),
    [
        ([("a", 2)], 0, {}),
        ([], 3, {}),
        ([("a", 3), ("b", 2)], 2, {"b": 0}),
        ([("a", 3), ("b", 4)], 2, {"a": 1}),
        ([("a", 1), ("b", 2), ("c", 2)], 4, {"b": 0, "c": 0}),
        ([("a", 2), ("b", 2), ("c", 2)], 5, {"a": 0, "b": 0, "c": 1}),
        ([("a", 1), ("b", 1)], 9, {"a": 0, "b": 0}),
    ],
)
def test_the_rule_in_its_order(claims, overage, changed):
    assert shrink(claims, overage) == changed
