from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus

import pytest

from agentd.daemon import View
from agentd.health import judge, serve
from flowctl.errors import Misconfigured

VIEW = View(100.0, "1 worker serves 2 cpus", "", 0, {"running": 1}, 3)


class Shown:
    view = VIEW


class Frozen:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 101.0


@pytest.mark.parametrize(
    ("changes", "now", "status", "color"),
    [
        ({}, 101.0, HTTPStatus.OK, "green"),
        ({"cut": "gone"}, 101.0, HTTPStatus.OK, "yellow"),
        ({"failing": 1}, 101.0, HTTPStatus.OK, "yellow"),
        ({}, 111.0, HTTPStatus.SERVICE_UNAVAILABLE, "red"),
    ],
)
def test_colors(changes: dict[str, object], now: float, status: HTTPStatus, color: str) -> None:
    from msgspec.structs import replace

    got, document = judge(replace(VIEW, **changes), now)
    assert (got, document["status"]) == (status, color)


@pytest.fixture
def address() -> Iterator[str]:
    server = serve(Shown(), 0, Frozen())
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def test_health_in_json(address: str) -> None:
    document = json.loads(_get(address))
    assert document == {"status": "green", "sentence": "1 worker serves 2 cpus", "workers": 1}


def test_figures_in_the_words_of_prometheus(address: str) -> None:
    text = _get(f"{address}/metrics")
    assert 'flowctl_agent_workers{status="running"} 1.0' in text
    assert "flowctl_agent_worker_restarts 3.0" in text
    assert "flowctl_agent_state_reachable 1.0" in text
    assert "flowctl_agent_tick_age_seconds 1.0" in text


def test_elsewhere_is_nothing(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        _get(f"{address}/etc/passwd")
    assert caught.value.code == HTTPStatus.NOT_FOUND
    caught.value.close()


def test_a_port_that_is_taken_is_told(address: str) -> None:
    with pytest.raises(Misconfigured, match="cannot be had"):
        serve(Shown(), int(address.rpartition(":")[2]), Frozen())
