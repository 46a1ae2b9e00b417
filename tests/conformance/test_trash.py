"""Purged messages come back byte for byte and in order; nothing that is cut off loses any."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from flowctl.errors import Conflict, Refused
from flowctl.model.flow import NetworkSpec
from flowctl.model.traffic import Message, Outgoing
from flowctl.services import journal, networks, pages, queues, trash, undo
from flowctl.services.control import Control, open_control
from flowctl.settings import load
from tests.stores import apply, message, processor

MANY = 10_000


@pytest.fixture
def home(tmp_path: Path, broker_url: str, name: Callable[[str], str]) -> dict[str, str]:
    """The environment of a process that shares state and broker with the test."""
    return {
        "FLOWCTL_HOME": str(tmp_path / "home"),
        "HOME": str(tmp_path),
        "FLOWCTL_BROKER": broker_url,
        "SHOP": f"s{name('x').partition('.')[0]}",
    }


@pytest.fixture
def control(home: dict[str, str]) -> Iterator[Control]:
    settings = load(home)
    settings.paths.make()
    with open_control(settings) as opened:
        opened.store.migrate()
        apply(opened.store, NetworkSpec(name=home["SHOP"], processors=(processor("p", "s"),)))
        yield opened
        trash.expire(opened, None)
        queues.delete_all(opened, [queue_of(home), f"{queue_of(home)}.dead"])
        trash.expire(opened, None)


def queue_of(home: dict[str, str]) -> str:
    return f"{home['SHOP']}.p.s"


def me(control: Control) -> Control:
    return control.acting("cli", "flowctl test")


def fill(control: Control, queue: str, count: int) -> list[Message]:
    """Messages of many sizes, some of them no text."""
    queues.ensure(control, [queue])
    for begin in range(0, count, 500):
        several = [
            message(f"m{number}", body=bytes([number % 256]) * (number % 97), run_id=f"r{number}")
            for number in range(begin, min(begin + 500, count))
        ]
        control.broker.publish([Outgoing(queue=queue, message=each) for each in several])
    return waiting(control, queue)


def waiting(control: Control, queue: str) -> list[Message]:
    """All that waits; whether it moved before may be told, and is no part of the message."""
    return [replace(each, again=False) for each in queues.peek(control, queue, limit=MANY)]


def test_ten_thousand_come_back_as_they_were(control: Control, home: dict[str, str]) -> None:
    queue = queue_of(home)
    before = fill(control, queue, MANY)
    assert len(before) == MANY
    assert queues.purge(me(control), queue) == MANY
    assert queues.peek(control, queue) == []
    (row,) = trash.listed(control)
    assert (row.owner, row.ready) == (queue, MANY)
    assert trash.is_trash(row.name)
    assert row.name not in pages.page(control, "queue").names
    assert row.name in pages.page(control, "queue", pages.Selection(trash=True)).names
    undo.undo(me(control))
    assert waiting(control, queue) == before
    assert trash.listed(control) == []
    assert row.name not in control.broker.depth([row.name])


def test_single_messages_come_back(control: Control, home: dict[str, str]) -> None:
    queue = queue_of(home)
    before = fill(control, queue, 5)
    assert queues.remove(me(control), queue, ["m1", "m3"]) == 2
    assert [each.id for each in queues.peek(control, queue)] == ["m0", "m2", "m4"]
    undo.undo(me(control))
    assert [each.id for each in queues.peek(control, queue)] == ["m0", "m2", "m4", "m1", "m3"]
    assert sorted(waiting(control, queue), key=lambda each: each.id) == before


def test_what_was_moved_moves_back_while_it_is_there(
    control: Control, home: dict[str, str]
) -> None:
    queue, other = queue_of(home), f"{queue_of(home)}.dead"
    before = fill(control, queue, 3)
    assert queues.move(me(control), queue, other, []) == 3
    undo.undo(me(control))
    assert waiting(control, queue) == before
    queues.move(me(control), queue, other, ["m1"])
    control.broker.remove(other, "m1")
    with pytest.raises(Conflict, match="1 message of change"):
        undo.undo(me(control))


def test_a_deleted_network_comes_back_with_its_messages(
    control: Control, home: dict[str, str]
) -> None:
    queue = queue_of(home)
    before = fill(control, queue, 3)
    networks.delete(me(control), home["SHOP"], purge=True)
    assert not control.broker.depth([queue])
    undo.undo(me(control))
    assert waiting(control, queue) == before


def test_what_is_deleted_for_good_is_gone(control: Control, home: dict[str, str]) -> None:
    queue = queue_of(home)
    fill(control, queue, 3)
    assert queues.remove(me(control), queue, ["m0"], for_good=True) == 1
    assert queues.purge(me(control), queue, for_good=True) == 2
    assert trash.listed(control) == []
    with pytest.raises(Refused, match="cannot be taken back"):
        undo.undo(me(control), journal.history(control)[0].id)


def test_trash_is_emptied_when_its_time_is_over(control: Control, home: dict[str, str]) -> None:
    queue, now = queue_of(home), control.clock.now()
    fill(control, queue, 2)
    queues.purge(me(control), queue)
    assert trash.expire(control, now - timedelta(hours=24)) == 0
    assert trash.expire(control, now + timedelta(hours=1)) == 1
    with pytest.raises(Conflict, match="its trash was emptied"):
        undo.undo(me(control))


@pytest.mark.parametrize("point", ["trash.recorded", "trash.moved", "trash.returned"])
def test_a_kill_in_between_loses_nothing(
    control: Control, home: dict[str, str], point: str
) -> None:
    queue = queue_of(home)
    before = fill(control, queue, 50)
    code = _run(home | {"FLOWCTL_FAILPOINT": f"{point}:kill"}, "purge")
    if point == "trash.returned":
        assert code == 0
        code = _run(home | {"FLOWCTL_FAILPOINT": f"{point}:kill"}, "undo")
    assert code == -signal.SIGKILL
    entry = next(each for each in journal.history(control) if each.action == "purge")
    undo.undo(me(control), entry.id)
    assert waiting(control, queue) == before
    assert trash.listed(control) == []


_PROGRAM = """
import os, sys
from flowctl.services import queues, undo
from flowctl.services.control import open_control
from flowctl.settings import load
with open_control(load()) as control:
    control = control.acting("cli", "flowctl test")
    if sys.argv[1] == "purge":
        queues.purge(control, os.environ["SHOP"] + ".p.s")
    else:
        undo.undo(control)
"""


def _run(environ: dict[str, str], act: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, act],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode
