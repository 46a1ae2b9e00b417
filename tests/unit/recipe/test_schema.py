"""The JSON Schema of recipes and the parser read by the same tables."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from flowctl.recipe.schema import describe

GOOD = {
    "version": 1,
    "network": "shop",
    "processors": {
        "a": {
            "source": {"path": ".", "module": "m"},
            "retry": 3,
            "rate": {"calls": 5},
            "timeout": "30s",
            "sockets": {"x": "f", "y": {"cron": "* * * * *", "payload": [1]}},
        }
    },
    "plugs": ["a.x -> a.y", {"from": "a.x", "to": "a.y", "on": "error"}],
}


def test_a_good_recipe_fits() -> None:
    assert jsonschema_rs.validator_for(describe()).is_valid(GOOD)


@pytest.mark.parametrize(
    "wrong",
    [
        {"network": "a.b"},
        {"netwerk": "a"},
        {"processors": {"a": {"cpus": -1, "source": {"command": "x"}}}},
        {"processors": {"a": {}}},
        {"processors": {"a": {"source": {"git": "https://x.org/y", "code": "z"}}}},
        {"plugs": [{"from": "a.x"}]},
        {"strategy": "wild"},
    ],
)
def test_a_wrong_one_does_not(wrong: dict[str, object]) -> None:
    assert not jsonschema_rs.validator_for(describe()).is_valid({**GOOD, **wrong})


def test_it_is_json_and_every_key_is_explained() -> None:
    schema = json.loads(json.dumps(describe()))
    processor = schema["properties"]["processors"]["additionalProperties"]
    assert (
        processor["properties"]["cpus"]["description"]
        == "Calls at once over all hosts; auto: as many as this machine has. Default: 1."
    )
    assert all(key["description"] for key in processor["properties"].values())
