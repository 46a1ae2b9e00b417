"""The decorators: each leaves a mark on what it decorates and gives it back unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, Unpack, overload

from flowctl.authoring.options import (
    NetworkOptions,
    PlugOptions,
    ProcessorOptions,
    SocketOptions,
)
from flowctl.errors import InvalidInput

Class = TypeVar("Class", bound=type)
Function = TypeVar("Function", bound=Callable[..., Any])

NETWORK = "__flowctl_network__"
PROCESSOR = "__flowctl_processor__"
SOCKET = "__flowctl_socket__"
PLUGS = "__flowctl_plugs__"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a decorator said; an empty name means the one that follows from the code."""

    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """What `plug` said: where the outcome of its function goes."""

    target: object
    """`processor.socket`, or the function of that socket."""
    options: Mapping[str, Any]


@overload
def network(target: Class) -> Class: ...
@overload
def network(target: str = "", **options: Unpack[NetworkOptions]) -> Callable[[Class], Class]: ...
def network(target: Any = "", **options: Any) -> Any:
    """Make a class a network: its attributes that are processors belong to it.

    Plain, or with a name and options: `@network("shop", strategy="efficient")`.

    Raises:
        InvalidInput: it stands on something that is no class.
    """
    return _marked(NETWORK, "network", target, options, is_class=True)


@overload
def processor(target: Class) -> Class: ...
@overload
def processor(
    target: str = "", **options: Unpack[ProcessorOptions]
) -> Callable[[Class], Class]: ...
def processor(target: Any = "", **options: Any) -> Any:
    """Make a class a processor; each executor makes one object of it and calls its methods.

    Plain, or with a name and options: `@processor("prices", cpus=2, retry=3)`.

    Raises:
        InvalidInput: it stands on something that is no class.
    """
    return _marked(PROCESSOR, "processor", target, options, is_class=True)


@overload
def socket(target: Function) -> Function: ...
@overload
def socket(
    target: str = "", **options: Unpack[SocketOptions]
) -> Callable[[Function], Function]: ...
def socket(target: Any = "", **options: Any) -> Any:
    """Make a method an entry of its processor.

    Plain, or with a name and options: `@socket("rows", cron="*/5 * * * *")`.

    Raises:
        InvalidInput: it stands on something that is no function.
    """
    return _marked(SOCKET, "socket", target, options, is_class=False)


def plug(target: object, **options: Unpack[PlugOptions]) -> Callable[[Function], Function]:
    """Send what a socket returns (with `on="error"` how it failed) to another socket.

    The target is `"processor.socket"`, or the function of a socket: `@plug(Store.save)`.

    Raises:
        InvalidInput: it stands on something that is no function.
    """

    def mark(function: Function) -> Function:
        _check("plug", function, is_class=False)
        # Decorators begin at the lowest: the list is kept in the order of the text.
        edges = (Edge(target, options), *getattr(function, PLUGS, ()))
        setattr(function, PLUGS, edges)
        return function

    return mark


def _marked(key: str, word: str, target: Any, options: Mapping[str, Any], *, is_class: bool) -> Any:
    name = target if isinstance(target, str) else ""

    def mark(decorated: Any) -> Any:
        _check(word, decorated, is_class=is_class)
        setattr(decorated, key, Mark(name, options))
        return decorated

    return mark if isinstance(target, str) else mark(target)


def _check(word: str, decorated: object, *, is_class: bool) -> None:
    if isinstance(decorated, type) != is_class or not callable(decorated):
        what = "a class" if is_class else "a function of a class"
        raise InvalidInput(f"@{word} stands on {decorated!r}, which is not {what}")
