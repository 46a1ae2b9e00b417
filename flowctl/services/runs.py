"""`flowctl run`: a recipe brought up by itself, fed, watched until it is quiet, and read out."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from flowctl.errors import InvalidInput, TimedOut
from flowctl.model.canvas import COMPLETE, START
from flowctl.model.flow import NetworkSpec, PlugKind
from flowctl.model.ids import RunId, new_id
from flowctl.model.states import CallStatus, ProcessorStatus
from flowctl.model.traffic import Call, Result
from flowctl.model.work import CallFilter, RunCount
from flowctl.recipe import canvases
from flowctl.services import calls, crew, health, recipes, sockets, waiting
from flowctl.services.calls import Payload
from flowctl.services.control import Control
from flowctl.settings import Settings, load

NULL = Payload(body=b"null")
_MOVED = frozenset(
    f"FLOWCTL_{name}" for name in ("STATE", "BROKER", "DATA", "CONFIG", "LOGS", "RUN", "NETWORK")
)
"""Variables that would lead a private home back to the shared one."""


class Feed(Struct, frozen=True, kw_only=True):
    """What one socket is sent at the beginning."""

    socket: str
    payloads: tuple[Payload, ...]


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run is."""

    count: RunCount
    seeds: int
    sentence: str
    """What it waits for while nothing runs yet."""

    @property
    def expected(self) -> int:
        """How many calls are known to be due by now."""
        return max(self.seeds + self.count.outputs, self.count.calls)


class Harvest(Struct, frozen=True, kw_only=True):
    """What a run came to."""

    run_id: str
    count: RunCount
    results: dict[str, list[Result]]
    """Socket without outgoing plugs to what its calls returned, in order of arrival."""
    failures: tuple[Call, ...]
    seconds: float


@contextmanager
def private_home(
    environ: Mapping[str, str] | None = None, *, keep: bool = False
) -> Iterator[Settings]:
    """Make a home of its own for the length of a `with`; `keep` leaves it behind."""
    environ = os.environ if environ is None else environ
    folder = tempfile.mkdtemp(prefix="flowctl-run-")
    rest = {key: value for key, value in environ.items() if key not in _MOVED}
    cache = load(environ).paths.cache
    try:
        # Environments are built once and shared: the cache is the person's own.
        yield load({**rest, "FLOWCTL_HOME": folder, "FLOWCTL_CACHE": str(cache)})
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def sources(spec: NetworkSpec) -> list[str]:
    """Return the sockets that get a null where a run names no input: nothing else feeds them."""
    fed = {plug.target for plug in spec.plugs} | canvases.called(spec.processors)
    fed |= {f"{each.name}.{COMPLETE}" for each in spec.processors if each.canvas}
    return [
        name
        for processor in spec.processors
        for socket in processor.sockets
        if (name := f"{processor.name}.{socket.name}") not in fed and socket.schedule is None
    ]


def sinks(spec: NetworkSpec, given: Sequence[Feed] = ()) -> list[str]:
    """Return the sockets whose results go nowhere else.

    What only canvases call goes to them; what a canvas comes to is told once, by its end.
    """
    fed = {feed.socket for feed in given} | {plug.target for plug in spec.plugs}
    feeding = {plug.source for plug in spec.plugs if plug.kind is PlugKind.RESULT}
    patterns = [each.name for each in spec.processors if each.canvas]
    fed |= {f"{name}.{COMPLETE}" for name in patterns if f"{name}.{START}" in fed}
    feeding |= canvases.called(spec.processors) - fed
    feeding |= {f"{name}.{START}" for name in patterns}
    return [
        name
        for processor in spec.processors
        for socket in processor.sockets
        if (name := f"{processor.name}.{socket.name}") not in feeding
    ]


def feeds(spec: NetworkSpec, given: Sequence[Feed]) -> list[Feed]:
    """Return what a run begins with: what was given, else a null for every source.

    Raises:
        InvalidInput: nothing was given and the recipe has no source.
    """
    if given:
        return list(given)
    found = sources(spec)
    if not found and not _schedules(spec):
        raise InvalidInput(
            f"every socket of {spec.name} is fed by another",
            remedy="say where to begin: --input SOCKET=JSON",
        )
    return [Feed(socket=name, payloads=(NULL,)) for name in found]


def _schedules(spec: NetworkSpec) -> bool:
    return any(socket.schedule for item in spec.processors for socket in item.sockets)


def execute(
    control: Control,
    recipe: recipes.Recipe,
    given: Sequence[Feed],
    *,
    timeout: float = 0.0,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
) -> Harvest:
    """Apply a recipe, feed it, wait until it is quiet, and return what came out.

    Raises:
        Refused: a processor cannot serve; the message says why.
        TimedOut: it was not quiet in time.
    """
    began = control.clock.monotonic()
    recipes.apply(control, recipes.plan(control, recipe))
    begun = feeds(recipe.spec, given)
    run_id = RunId(new_id())
    seeds = sum(len(feed.payloads) for feed in begun)
    for feed in begun:
        target = sockets.find(control, f"{recipe.spec.name}/{feed.socket}")
        calls.send(control, target, feed.payloads, run_id=run_id)
    count = _await_quiet(control, recipe.spec, run_id, seeds, timeout, on_progress)
    seconds = control.clock.monotonic() - began
    return harvest(control, recipe.spec, run_id, count, seconds, given)


def _await_quiet(
    control: Control,
    spec: NetworkSpec,
    run_id: RunId,
    seeds: int,
    timeout: float,
    on_progress: Callable[[Progress], None],
) -> RunCount:
    last: list[RunCount] = []

    def look() -> waiting.Standing:
        count = control.store.traffic.run_count(run_id)
        last[:] = [count]
        sentence = _standing(control, spec, count)
        on_progress(Progress(count=count, seeds=seeds, sentence=sentence))
        return waiting.Standing(bool(seeds) and count.is_quiet(seeds), sentence)

    try:
        waiting.until(look, control.clock, timeout=timeout, longest=0.25)
    except TimedOut:
        if seeds:
            raise
    return last[0]


def _standing(control: Control, spec: NetworkSpec, count: RunCount) -> str:
    """Say what a run does; a processor that cannot serve ends it, as nothing will change."""
    found = control.store.flows.processors(spec.name)
    for processor in found:
        health.refuse_broken(processor)
    slow = [item for item in found if item.status is not ProcessorStatus.RUNNING]
    if slow and not count.calls:
        return f"{slow[0].name} is {slow[0].status}"
    return f"{count.calls} calls ended, {count.running} running"


def harvest(
    control: Control,
    spec: NetworkSpec,
    run_id: RunId,
    count: RunCount,
    seconds: float,
    given: Sequence[Feed] = (),
) -> Harvest:
    """Return what is on record of a run that has come to its end."""
    ends = sinks(spec, given)
    results: dict[str, list[Result]] = {name: [] for name in ends}
    for call, result in control.store.traffic.results_of(run_id, ends):
        results.setdefault(call.socket, []).append(result)
    failures, _ = control.store.traffic.calls(
        CallFilter(run_id=run_id, status=(CallStatus.FAILED,), limit=20, ascending=True)
    )
    return Harvest(
        run_id=run_id,
        count=count,
        results={name: found for name, found in results.items() if found},
        failures=tuple(failures),
        seconds=seconds,
    )


def enough_cpus(spec: NetworkSpec) -> int:
    """Return the cpus that a machine offers to a recipe that has it for itself.

    All processors must find room, or the flow would stall: most of them idle most of the time.
    """
    wanted = sum(item.scale.max if item.scale else item.cpus for item in spec.processors)
    return max(wanted, os.cpu_count() or 1)


@contextmanager
def brought_up(settings: Settings, control: Control, *, cpus: int) -> Iterator[Control]:
    """Run a scheduler and one agent that offers `cpus` for the length of a `with`."""
    members = crew.start(settings, crew.Order(agents=("local",), cpus=cpus), detached=False)
    workers: list[int] = []
    try:
        crew.await_ready(control, members)
        yield control
    except BaseException:
        # Nobody will read what still runs, so nobody waits for it either.
        workers = [worker.pid for worker in control.store.fleet.workers(agent="local")]
        raise
    finally:
        crew.stop(settings.paths, members, control.clock, workers=workers)


def read_feed(text: str, *, stdin: Callable[[], bytes]) -> Feed:
    """Read `SOCKET=JSON`, `SOCKET=@FILE` or `SOCKET=-`; `=@FILE` ending in .jsonl is one call a line.

    Raises:
        InvalidInput: it is none of these, or the file cannot be read.
    """
    socket, equals, value = text.partition("=")
    if not equals or not socket:
        raise InvalidInput(
            f'"{text}" is no input', remedy="write SOCKET=JSON, SOCKET=@FILE or SOCKET=-"
        )
    if value == "-":
        return Feed(socket=socket, payloads=(calls.json_payload(stdin()),))
    if not value.startswith("@"):
        return Feed(socket=socket, payloads=(calls.json_payload(value),))
    file = Path(value[1:])
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from error
    if file.suffix != ".jsonl":
        return Feed(socket=socket, payloads=(calls.json_payload(content),))
    lines = [line for line in content.splitlines() if line.strip()]
    return Feed(socket=socket, payloads=tuple(calls.json_payload(line) for line in lines))
