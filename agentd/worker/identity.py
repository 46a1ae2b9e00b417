"""Who a worker is: what agentd wrote into its assignment file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from flowctl.errors import Misconfigured


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The assignment file, read."""

    worker: str
    deployment: str
    network: str
    agent: str
    python: str
    """The interpreter of the processor's environment."""
    paths: tuple[str, ...] = ()
    """Folders that go on its import path."""
    status: str
    """Where the status file goes."""
    commit: str = ""
    token: str = ""
    """By which the agent knows the worker, and everything that its executors started."""


def read_identity(path: str) -> Identity:
    """Return what the assignment file at `path` says.

    Raises:
        Misconfigured: there is no such file, or it is not an assignment.
    """
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Identity)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Misconfigured(f"{path} is not an assignment: {error}") from error
