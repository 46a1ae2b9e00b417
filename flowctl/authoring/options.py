"""What may be said in a decorator: the keys of a recipe, typed for editors and type checkers.

Each means what it means in a recipe (`flowctl explain` says more), and is checked there, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypedDict

Json = object
"""Anything that JSON can carry."""
Step = str | Callable[..., object]
"""A step of a canvas as recipes write it (`"a.x(limit=3) | b.y"`), or the function of a socket."""


class NetworkOptions(TypedDict, total=False):
    """What a network may say beside its processors."""

    strategy: Literal["balanced", "efficient"]
    agents: Mapping[str, Mapping[str, Json]]
    nodes: Mapping[str, Mapping[str, Json]]
    deployments: Mapping[str, Mapping[str, Json]]


class ProcessorOptions(TypedDict, total=False):
    """What a processor may say beside its sockets."""

    source: Mapping[str, Json]
    """Where the code is on other hosts, such as `{"git": URL, "ref": TAG}`; this file if unsaid."""
    requirements: Sequence[str]
    type: Literal[
        "task", "router", "gate", "data", "schema", "pipeline", "parallel", "funnel", "segment"
    ]
    steps: Sequence[Step | Sequence[Step]]
    """pipeline, parallel, funnel, segment: the sockets it calls; a list within is parallel."""
    final: Step
    """funnel: the socket that gets the list of results."""
    size: int
    """segment: how much of the list each call gets."""
    errors: Literal["stop", "keep"]
    cpus: int | Literal["auto"]
    scale: Mapping[str, Json]
    timeout: str | float
    retry: int | Mapping[str, Json]
    rate: str | Mapping[str, Json]
    env: Mapping[str, str]
    labels: Mapping[str, str]
    host: str
    memory: str | int
    track: Literal["all", "errors", "none"]
    enabled: bool
    description: str
    """The first line of the docstring where unsaid."""


class SocketOptions(TypedDict, total=False):
    """What a socket may say beside its function."""

    cron: str
    every: str | float
    at: str
    payload: Json
    timezone: str
    catchup: Literal["skip", "once", "all"]
    paused: bool
    wait: Literal["all"]
    routes: Mapping[str, str]
    """router: the method that chooses each route; they stand in the place of this one."""
    arguments: Mapping[str, Mapping[str, Json]]
    schema: Json
    json: Json
    csv: str
    url: str
    join: str | Mapping[str, Json]
    queue: Mapping[str, Json]


class PlugOptions(TypedDict, total=False):
    """What a plug may say beside its ends."""

    on: Literal["result", "error", "reject"]
    route: str
    argument: str
    gather: str
    allow_cycle: bool
    name: str
    queue: Mapping[str, Json]
