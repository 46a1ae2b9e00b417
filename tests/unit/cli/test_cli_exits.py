"""Every error has one exit code, and every code a meaning."""

import inspect

import pytest

from flowctl import errors
from flowctl.cli import exits

MADE = {
    errors.NotFound: errors.NotFound("queue", "orders"),
    errors.RecipeError: errors.RecipeError((errors.Problem("bad"),)),
    errors.SchemaMismatch: errors.SchemaMismatch(1, 2),
    errors.PublishFailed: errors.PublishFailed({"id": "full"}),
}
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.FlowError) and kind is not errors.FlowError
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_code_with_a_meaning(kind: type[errors.FlowError]) -> None:
    code = exits.code_of(MADE.get(kind) or kind("it failed"))
    assert code in exits.MEANINGS
    assert code != exits.OK


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.FlowError("x"), 1),
        (errors.CallFailed("x"), 1),
        (errors.InvalidInput("x"), 2),
        (MADE[errors.PublishFailed], 1),
        (errors.PublishFailed({"a": "full"}, accepted=("b",)), 3),
        (MADE[errors.NotFound], 4),
        (errors.Conflict("x"), 5),
        (errors.Refused("x"), 5),
        (errors.Denied("x"), 6),
        (errors.BrokerUnavailable("x"), 7),
        (errors.StateUnavailable("x"), 7),
        (MADE[errors.RecipeError], 10),
        (errors.TimedOut("x"), 124),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_table_of_exit_codes(error: errors.FlowError, code: int) -> None:
    assert exits.code_of(error) == code
