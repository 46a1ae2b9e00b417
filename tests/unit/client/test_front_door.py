"""`from flowctl import Flow` works, and costs nothing where nobody asks for it."""

import json
import subprocess
import sys

import pytest

import flowctl
from flowctl.client import Flow
from flowctl.errors import CallFailed

PROGRAM = """
import json, sys
before = set(sys.modules)
import flowctl
print(json.dumps([
    sorted({name.partition(".")[0] for name in set(sys.modules) - before} - {"flowctl"}),
    sorted(name for name in sys.modules if name.startswith("flowctl")),
]))
from flowctl import Flow
assert Flow.__module__ == "flowctl.client.flow"
assert "pika" not in sys.modules and "typer" not in sys.modules
"""


def test_importing_the_package_loads_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    others, ours = json.loads(done.stdout)
    assert ours == ["flowctl"]
    assert set(others) <= set(sys.stdlib_module_names), others


def test_everything_that_is_promised_is_there() -> None:
    assert flowctl.Flow is Flow
    assert flowctl.CallFailed is CallFailed
    for name in flowctl.__all__:
        assert getattr(flowctl, name) is not None
        assert name in dir(flowctl)
    with pytest.raises(AttributeError, match="no attribute 'Flwo'"):
        _ = flowctl.Flwo  # type: ignore[attr-defined]
