"""flowctl: run Python functions as distributed data flows, and steer them from a terminal.

What programs use stands here, and is loaded when it is asked for: `import flowctl` loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowctl.authoring import Route
    from flowctl.client import Flow, Handle, funnel, parallel, pipeline, segment
    from flowctl.errors import CallFailed, FlowError, TimedOut

__version__ = "0.1.0"
__all__ = [
    "CallFailed",
    "Flow",
    "FlowError",
    "Handle",
    "Route",
    "TimedOut",
    "__version__",
    "funnel",
    "parallel",
    "pipeline",
    "segment",
]

_PLACES = {
    "CallFailed": "flowctl.errors",
    "Flow": "flowctl.client",
    "FlowError": "flowctl.errors",
    "Handle": "flowctl.client",
    "Route": "flowctl.authoring",
    "TimedOut": "flowctl.errors",
    "funnel": "flowctl.client",
    "parallel": "flowctl.client",
    "pipeline": "flowctl.client",
    "segment": "flowctl.client",
}
"""Name to the module that has it."""


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
