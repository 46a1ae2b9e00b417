"""`flowctl run --local`: a recipe in one process that has the person's terminal, without daemons.

The flow itself runs in `agentd.local`, which follows the rules of the workers; here it is given its
order, and what it recorded is read out as after any run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from flowctl.errors import FlowError, Refused, TimedOut
from flowctl.model.flow import NetworkSpec
from flowctl.model.ids import CallId, RunId, new_id
from flowctl.model.local import Ending, Order, read, write
from flowctl.model.traffic import Message, Outgoing
from flowctl.services import recipes, runs, sockets
from flowctl.services.calls import Payload
from flowctl.services.control import Control
from flowctl.services.runs import Feed, Harvest


def execute(
    control: Control,
    recipe: recipes.Recipe,
    given: Sequence[Feed],
    *,
    timeout: float = 0.0,
    post_mortem: bool = False,
) -> tuple[Harvest, Ending]:
    """Run a recipe to its end in one process, and return what came out and what is to be said of it.

    Raises:
        Refused: the code of a processor cannot be loaded.
        TimedOut: it had not ended in time.
    """
    began = control.clock.monotonic()
    recipes.apply(control, recipes.plan(control, recipe))
    run_id = RunId(new_id())
    begin = _begin(control, recipe.spec, given, run_id)
    order = Order(network=recipe.spec.name, begin=begin, post_mortem=post_mortem)
    ending = _serve(control, order, timeout)
    if ending.trouble:
        raise Refused(ending.trouble, remedy=ending.remedy)
    count = control.store.traffic.run_count(run_id)
    seconds = control.clock.monotonic() - began
    return runs.harvest(control, recipe.spec, run_id, count, seconds, given), ending


def _begin(
    control: Control, spec: NetworkSpec, given: Sequence[Feed], run_id: RunId
) -> tuple[Outgoing, ...]:
    feeds = runs.feeds(spec, given) or _fires(spec)
    found = []
    for feed in feeds:
        queue = sockets.find(control, f"{spec.name}/{feed.socket}").queue
        for payload in feed.payloads:
            message = Message(
                id=CallId(new_id()),
                run_id=run_id,
                body=payload.body,
                content_type=payload.content_type,
                argument=payload.argument,
                sent_at=control.clock.now(),
            )
            found.append(Outgoing(queue=queue, message=message))
    return tuple(found)


def _fires(spec: NetworkSpec) -> list[Feed]:
    """Return one fire of each schedule: a flow of schedules only runs through once."""
    return [
        Feed(
            socket=f"{processor.name}.{socket.name}",
            payloads=(Payload(body=socket.schedule.payload.encode()),),
        )
        for processor in spec.processors
        for socket in processor.sockets
        if socket.schedule is not None
    ]


def _serve(control: Control, order: Order, timeout: float) -> Ending:
    number, name = tempfile.mkstemp(prefix="local-", dir=control.settings.paths.run)
    file = Path(name)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(write(order))
        status = _wait(control, file, timeout)
        if status == 130:
            raise KeyboardInterrupt
        if status:
            how = f"by signal {-status}" if status < 0 else f"with {status}"
            raise FlowError(
                f"the code of the flow ended the process {how}",
                remedy="without --local only that call would fail",
            )
        return read(file.read_bytes(), Ending)
    finally:
        file.unlink()


def _wait(control: Control, file: Path, timeout: float) -> int:
    """Give the process the terminal until it has ended, and return its exit status."""
    # What functions print must not get between the results, where somebody reads those.
    shown = None if sys.stdout.isatty() else sys.stderr
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "agentd.local", str(file)],
        env={**os.environ, **control.settings.environment()},
        stdout=shown,
    )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the debugger or the flow
    try:
        return process.wait(timeout or None)
    except subprocess.TimeoutExpired:
        raise TimedOut(f"the flow had not ended after {timeout:g} s") from None
    finally:
        process.kill()
        process.wait()
        signal.signal(signal.SIGINT, before)
