"""What the cockpit costs over a slow line: bytes, cpu, time from key to picture.

    python -m tests.bench.cockpit

A real process on a pseudo-terminal, a real state and broker; a flow of 20 processors and 40 plugs of
which every number changes once a second.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from flowctl.broker.base import QueueSpec
from flowctl.model.flow import NetworkSpec, PlugSpec
from flowctl.model.states import ProcessorStatus
from flowctl.planning.health import Health
from flowctl.services import queues
from flowctl.services.control import Control, open_control
from flowctl.settings import load
from tests import stores

PROCESSORS, PLUGS = 20, 40


class Terminal:
    """A cockpit on a pseudo-terminal, whose bytes are counted."""

    def __init__(self, home: Path, size: tuple[int, int], *options: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        env = {**os.environ, "FLOWCTL_HOME": str(home), "TERM": "xterm-256color"}
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flowctl", "ui", *options],
            env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.count, self.seen = 0, b""

    def read(self, seconds: float, until: bytes = b"") -> float:
        """Read for a while, or until something is there; return when the last bytes came."""
        deadline, last = time.monotonic() + seconds, time.monotonic()
        self.seen = b""
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._master], [], [], min(left, 0.5))[0]:
                continue
            found = os.read(self._master, 65536)
            self.count += len(found)
            self.seen += found
            last = time.monotonic()
            if until and until in self.seen:
                return last
        return last

    def press(self, key: str) -> float:
        """Press a key and return the seconds until the next bytes."""
        self.read(0.05)
        begun = time.monotonic()
        os.write(self._master, key.encode())
        if select.select([self._master], [], [], 5.0)[0]:
            waited = time.monotonic() - begun
            self.count += len(os.read(self._master, 65536))
            return waited
        return 5.0

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)


def network() -> NetworkSpec:
    """Return a flow of 20 processors and 40 plugs."""
    names = [f"step{n:02}" for n in range(PROCESSORS)]
    ends = [(n, (n + hop) % PROCESSORS) for hop in (1, 2) for n in range(PROCESSORS)]
    plugs = tuple(
        PlugSpec(source=f"{names[left]}.do", target=f"{names[right]}.do", allow_cycle=True)
        for left, right in ends
    )
    processors = tuple(stores.processor(name, "do", cpus=4) for name in names)
    return NetworkSpec(name="big", processors=processors, plugs=plugs)


@contextmanager
def filled() -> Iterator[tuple[Path, Control]]:
    """Give a home with that flow."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = load({"FLOWCTL_HOME": str(home)})
        settings.paths.make()
        with open_control(settings, name="bench") as control:
            control.store.migrate()
            stores.apply(control.store, network())
            specs = queues.specs_of(control.store.flows.sockets(), control.store.flows.plugs())
            control.broker.declare([QueueSpec(name=spec.name) for spec in specs])
            yield home, control


def stir(control: Control, stop: threading.Event) -> None:
    """Change every number once a second."""
    number = 0
    plugs = control.store.flows.plugs("big")
    while not stop.wait(1.0):
        number += 1
        seen = {
            ("big", f"step{n:02}"): Health(
                status=ProcessorStatus.RUNNING, deployed=4, running=1 + (number + n) % 4
            )
            for n in range(PROCESSORS)
        }
        control.store.flows.settle(seen)
        control.broker.publish(
            [stores.outgoing(f"{n}-{number}", plug.queue) for n, plug in enumerate(plugs)]
        )


def measure(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """Return bytes a second and the part of a cpu."""
    process = psutil.Process(terminal.process.pid)
    terminal.read(4.0)
    before, spent = terminal.count, sum(process.cpu_times()[:2])
    terminal.read(seconds)
    used = sum(process.cpu_times()[:2]) - spent
    return (terminal.count - before) / seconds, used / seconds


def report(say: Callable[[str], None], seconds: float = 20.0) -> None:
    """Measure all of it."""
    with filled() as (home, control):
        first = Terminal(home, (80, 24), "-c", ":processors")
        shown = first.read(30.0, until=b"step00")
        say(f"start to first picture: {shown - first.begun:.2f} s")
        traffic, cpu = measure(first, seconds)
        say(f"idle, processors 80x24: {traffic:.0f} B/s, {100 * cpu:.1f}% of a cpu")
        waits = sorted(first.press("jk"[n % 2]) for n in range(200))
        say(f"key to picture: p50 {1000 * waits[100]:.0f} ms, p99 {1000 * waits[197]:.0f} ms")
        first.close()
        stop = threading.Event()
        stirrer = threading.Thread(target=stir, args=(control, stop))
        stirrer.start()
        for size in ((80, 24), (200, 50)):
            for view in ("processors", "queues /plug"):
                live = Terminal(home, size, "-c", f":{view}")
                live.read(30.0, until=b"step00")
                traffic, cpu = measure(live, seconds)
                say(
                    f"live, {view} {size[0]}x{size[1]}: {traffic:.0f} B/s,"
                    f" {100 * cpu:.1f}% of a cpu"
                )
                live.close()
        stop.set()
        stirrer.join()


if __name__ == "__main__":
    report(lambda text: print(text, flush=True))
