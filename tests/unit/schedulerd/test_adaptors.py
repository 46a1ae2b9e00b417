"""Adaptors: everything arrives, in order, whatever an adaptor does, and the cursor stays."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from flowctl.errors import Conflict, Misconfigured
from flowctl.model.lives import Mark
from flowctl.model.traffic import Event
from flowctl.services.control import Control
from schedulerd import adaptors
from schedulerd.adaptors import Adaptors, opened
from tests.cluster import until
from tests.stores import NOON, finished


class Hook(HTTPServer):
    """A webhook that refuses as often as it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refuses = 0
        self.heard: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"webhook+http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused, self.server.refuses = self.server.refuses > 0, self.server.refuses - 1
        if not refused:
            self.server.heard += [json.loads(line) for line in body.splitlines()]
        self.send_response(503 if refused else 204)
        self.end_headers()

    def log_message(self, format: str, *_args: object) -> None:  # noqa: A002 - its name there
        """Be quiet."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def leading(control: Control) -> Callable[..., Adaptors]:
    """The adaptors of these URLs, in a new term."""

    def make(*urls: str) -> Adaptors:
        control.store.duty.acquire("me", 60)
        lease = control.store.duty.lease()
        assert lease is not None
        settings = dataclasses.replace(control.settings, adaptors=urls)
        return Adaptors(dataclasses.replace(control, settings=settings), lease.term)

    return make


def happen(control: Control, *names: str) -> None:
    control.store.events.add(
        [
            Event(id=0, at=NOON, kind="plug", object=name, action="added", note="", network="shop")
            for name in names
        ]
    )


def settled(made: Adaptors) -> None:
    """Let every adaptor do what there is to do."""
    made.run()
    for adaptor in made._all:
        assert adaptor._thread is not None
        adaptor._thread.join(60)


def test_a_file_gets_everything_once_over_terms(
    control: Control, leading: Callable[..., Adaptors], tmp_path: Path
) -> None:
    file = tmp_path / "flow.jsonl"
    first = leading(f"file://{file}")
    settled(first)
    happen(control, "one", "two")
    control.store.traffic.commit([finished("c1")])
    settled(first)
    happen(control, "three")
    settled(leading(f"file://{file}"))
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [each["name"] for each in told] == ["one", "two", "c1", "c1", "c1", "three"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_webhook_that_refuses_gets_it_later(
    control: Control, leading: Callable[..., Adaptors], hook: Hook
) -> None:
    made = leading(f"{hook.url}#task")
    settled(made)
    control.store.traffic.commit([finished("c1")])
    happen(control, "one")
    hook.refuses = 2
    settled(made)
    assert [each["action"] for each in hook.heard] == ["received", "prerun", "postrun"]


def test_one_that_is_broken_harms_nobody(
    control: Control,
    leading: Callable[..., Adaptors],
    clock: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hanging, told = threading.Event(), []

    def hangs(_url: str, _documents: object) -> None:
        hanging.wait(60)

    def fails(_url: str, documents: list[dict[str, Any]]) -> None:
        told.append(len(documents))
        raise RuntimeError("no adaptor is perfect")

    monkeypatch.setitem(adaptors.BUILT_IN, "hangs", hangs)
    monkeypatch.setitem(adaptors.BUILT_IN, "fails", fails)
    file = tmp_path / "flow.jsonl"
    made = leading("hangs:", "fails:", f"file://{file}", "nobody:")
    with contextlib.suppress(Misconfigured):
        made.run()
    for adaptor in made._all:
        assert adaptor._thread is not None
        adaptor._thread.join(60)
    happen(control, "one")
    with pytest.raises(Misconfigured, match='no adaptor "nobody"'):
        made.run()
    until(lambda: file.exists() and file.read_text(), "the file gets it all the same")
    until(lambda: made._all[1].trouble, "the failure is known")
    with pytest.raises(Misconfigured, match="RuntimeError: no adaptor is perfect"):
        made.run()
    assert told == [1], "not again at once"
    clock.pass_(10)
    with pytest.raises(Misconfigured):
        made.run()
    until(lambda: len(told) == 2, "again after a while, from where it was")
    hanging.set()


def test_what_is_too_far_behind_is_counted(
    control: Control,
    leading: Callable[..., Adaptors],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adaptors, "MOST_BEHIND", 5)
    file = tmp_path / "flow.jsonl"
    made = leading(f"file://{file}")
    settled(made)
    happen(control, *"abcdefgh")
    settled(made)
    settled(made)
    (told,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert (told["kind"], told["action"]) == ("adaptor", "dropped")
    assert told["note"].startswith("8 events")


def test_a_cursor_belongs_to_the_leader(control: Control) -> None:
    control.store.duty.acquire("me", 60)
    lease = control.store.duty.lease()
    assert lease is not None
    control.store.events.advance("x", Mark(3, 9), term=lease.term)
    assert control.store.events.cursor("x") == Mark(3, 9)
    assert control.store.events.cursor("y") is None
    with pytest.raises(Conflict, match="is over"):
        control.store.events.advance("x", Mark(4, 1), term=lease.term + 1)


def test_what_nobody_offers_is_named() -> None:
    with pytest.raises(Misconfigured, match='no adaptor "carrier-pigeon"'):
        opened("carrier-pigeon://coop")
