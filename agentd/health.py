"""Health and figures of this agent over HTTP, on loopback only.

`/` and `/health` answer in JSON, with 503 where the deciding thread has stopped deciding;
`/metrics` answers in the words of Prometheus.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from agentd import processes
from agentd.daemon import View
from flowctl.clock import Clock
from flowctl.errors import Misconfigured

STALE = 10.0
"""Seconds after which a tick that did not come means that nothing works."""
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Shown(Protocol):
    """What can be looked at."""

    view: View


class Figures:
    """Reads the present view whenever Prometheus asks."""

    def __init__(self, shown: Shown, clock: Clock) -> None:
        self._shown = shown
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        view = self._shown.view
        workers = GaugeMetricFamily("flowctl_agent_workers", "Workers by status", labels=["status"])
        for status, count in view.workers.items():
            workers.add_metric([status], count)
        yield workers
        for name, text, value in (
            ("failing_deployments", "Deployments in error", view.failing),
            (
                "worker_restarts",
                "Unasked ends of the workers of present deployments",
                view.restarts,
            ),
            ("state_reachable", "Whether the state database answers", int(not view.cut)),
            ("tick_age_seconds", "Time since the last tick", self._clock.monotonic() - view.at),
            ("descriptors", "Open file descriptors", processes.count_descriptors()),
        ):
            yield GaugeMetricFamily(f"flowctl_agent_{name}", text, value)


def judge(view: View, now: float) -> tuple[HTTPStatus, dict[str, object]]:
    """Return how this agent is: green, yellow (it says why) or red."""
    red, yellow = now - view.at > STALE, bool(view.cut or view.failing)
    color = "red" if red else "yellow" if yellow else "green"
    status = HTTPStatus.SERVICE_UNAVAILABLE if red else HTTPStatus.OK
    return status, {
        "status": color,
        "sentence": view.sentence,
        "workers": sum(view.workers.values()),
    }


def serve(shown: Shown, port: int, clock: Clock) -> ThreadingHTTPServer:
    """Answer on this port of the loopback until the process ends; 0 picks a free one.

    Raises:
        Misconfigured: the port cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(Figures(shown, clock))

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            if self.path in {"/", "/health"}:
                status, document = judge(shown.view, clock.monotonic())
                self._answer(status, "application/json", json.dumps(document).encode() + b"\n")
            elif self.path == "/metrics":
                self._answer(HTTPStatus.OK, _TYPE, generate_latest(registry))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"try / or /metrics\n")

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
            """Say nothing: a probe every few seconds is no news."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise Misconfigured(
            f"port {port} of the loopback cannot be had: {error.strerror}",
            remedy="use another --port",
        ) from error
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
