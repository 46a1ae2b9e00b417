"""A network as a Python object, whose attributes are its processors."""

from __future__ import annotations

from os import PathLike
from types import TracebackType
from typing import Self

from flowctl.client.handles import Handle
from flowctl.client.patterns import Pattern
from flowctl.client.session import Session
from flowctl.client.sockets import Processor, Socket
from flowctl.errors import InvalidInput
from flowctl.model.flow import NetworkSpec
from flowctl.model.ids import CallId
from flowctl.services import canvases, health, processors, recipes, sockets
from flowctl.services.answers import Question
from flowctl.services.control import Control
from flowctl.services.recipes import Recipe
from flowctl.settings import load


class Flow:
    """The sockets of a network, to be called.

    `with Flow("shop") as flow:` opens it, `flow.price.total` or `flow["price.total"]` is a socket.
    Without a name it is the network of the settings, or all networks. State and broker are those of
    the settings (environment, configuration file) unless their URLs are given.

    >>> flow = Flow("shop", state="sqlite:////tmp/shop/state.db")
    >>> flow.price.total, flow["price.total"]
    (Socket('price.total'), Socket('price.total'))
    >>> flow["apply.map"], flow.price["odd-name"]  # names that Python has other plans for
    (Socket('apply.map'), Socket('price.odd-name'))
    >>> flow.price.total([1, 2, 3])
    Traceback (most recent call last):
        ...
    flowctl.errors.Refused: this flow is not open

    Raises:
        Misconfigured: the settings cannot be used.
    """

    def __init__(self, network: str = "", *, state: str = "", broker: str = "") -> None:
        given = {"network": network, "state": state, "broker": broker}
        self._session = Session(load(overrides=given, given="Flow"))

    def __repr__(self) -> str:
        return f"Flow({self._session.settings.network!r})"

    def open(self) -> Self:
        """Open it without a `with`; then it is yours to `close`.

        Raises:
            SchemaMismatch: the database is older or newer than this program.
        """
        self._session.open()
        return self

    def close(self) -> None:
        """Close the connections. What was sent stays sent, and handles work in the next flow."""
        self._session.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getattr__(self, name: str) -> Processor:
        if name.startswith("_"):
            raise AttributeError(name)
        return Processor(self._session, name)

    def __getitem__(self, name: str) -> Socket:
        return Socket(self._session, name)

    def __dir__(self) -> list[str]:
        control, network = self._session.control, self._session.settings.network
        named = [each.name for each in processors.listed(control, network)]
        return sorted({*object.__dir__(self), *named})

    def function(self, module: str, task: str) -> Socket:
        """Return a socket by the code that it runs: `flow.function("shop", "total")`.

        Module (or `module:Class`) and function must be exactly these; where several sockets run
        them, it is the first by name.

        Raises:
            NotFound: no socket runs it.
        """
        control, network = self._session.control, self._session.settings.network
        found = sockets.of_function(control, module, task, network)
        return Socket(self._session, f"{found.network}/{found.name}")

    def canvas(self, text: str) -> Pattern:
        """Return the canvas that a text writes: `flow.canvas("a.x | [b.y, c.z(limit=3)]")`.

        `|` is a pipeline and `[ ]` a parallel; `funnel([a.x, b.y], c.z)` and `segment(a.x, 100)`
        are what they are in Python.

        Raises:
            InvalidInput: it writes none; the message says where.
        """
        return Pattern(canvases.read(text), self._session, text)

    def handle(self, call_id: str) -> Handle:
        """Return the call with this id, whoever sent it.

        An id is known from the moment of its send, its record only once a worker has taken it; so
        nothing is looked up here.
        """
        if not call_id:
            raise InvalidInput("which call? the id is empty")
        return Handle(self._session, Question([CallId(call_id)]))

    def apply(
        self,
        recipe: str | PathLike[str] | NetworkSpec | type,
        *,
        wait: bool = False,
        timeout: float = 0.0,
    ) -> bool:
        """Make networks as a recipe says, and tell whether anything had to change.

        A recipe is a file, a folder of them, a `NetworkSpec`, or a class with the decorators of
        `flowctl.authoring`. With `wait` it returns when all processors serve.

        Raises:
            RecipeError: it has problems; all of them are in it, and nothing was changed.
            InvalidInput: it is for another network than this flow.
            Conflict: somebody else changed the network meanwhile.
            TimedOut: with `wait`, the processors did not serve in time.
            Refused: with `wait`, one of them cannot serve; the message says why.
        """
        control = self._session.control
        found = _read(recipe)
        for each in found:
            self._refuse_other(each)
        since = health.before(control) if wait else health.NOTHING_BEFORE
        changed = [_apply(control, each) for each in found]
        self._session.forget()
        if wait:
            for each in found:
                health.await_network(control, each.spec.name, since=since, timeout=timeout)
        return any(changed)

    def _refuse_other(self, recipe: Recipe) -> None:
        mine = self._session.settings.network
        if mine and recipe.spec.name != mine:
            raise InvalidInput(
                f"{recipe.source} is for network {recipe.spec.name}, this flow is {mine}",
                remedy="apply it with a Flow of that name, or of none",
            )


def _read(recipe: str | PathLike[str] | NetworkSpec | type) -> list[Recipe]:
    if isinstance(recipe, NetworkSpec):
        return [recipes.from_spec(recipe)]
    if isinstance(recipe, type):
        from flowctl.services import authored

        return [authored.recipe(recipe)]
    return recipes.read(str(recipe))


def _apply(control: Control, recipe: Recipe) -> bool:
    planned = recipes.plan(control, recipe)
    if planned.changes.is_empty and not planned.changes.new:
        return False
    recipes.apply(control, planned)
    return True
