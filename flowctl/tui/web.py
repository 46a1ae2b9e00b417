"""The cockpit in a browser: on this machine only, for whoever has the link, and for the first of them.

The link carries a token that is good for one request; it becomes a cookie that no script can read. Who
comes without either, under another name of this machine, or from another page gets nothing at all.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from textual_serve.server import Server

HOST = "127.0.0.1"
_FAILED = (
    "this link was used already, or is none of this cockpit: flowctl ui --serve makes another\n"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Lets in who has the token, once, and from then on who has the cookie."""

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(24)
        self._used = False
        self._secret = secrets.token_urlsafe(24)
        self._cookie = f"flowctl-{port}"
        self._names = {f"{name}:{port}" for name in (HOST, "localhost")}

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or refuse it."""
        origin = request.headers.get("Origin", f"http://{request.host}")
        if request.host not in self._names or origin.partition("://")[2] not in self._names:
            raise web.HTTPForbidden(text="the cockpit is served to this machine only\n")
        if hmac.compare_digest(request.cookies.get(self._cookie, ""), self._secret):
            return await handler(request)
        given = request.query.get("token", "")
        if self._used or not hmac.compare_digest(given.encode(), self.token.encode()):
            raise web.HTTPForbidden(text=_FAILED)
        self._used = True
        found = web.HTTPSeeOther("/")
        found.set_cookie(self._cookie, self._secret, httponly=True, samesite="Strict")
        raise found


class House(Server):
    """Serves one cockpit to one browser."""

    def __init__(self, command: str, port: int, guard: Guard) -> None:
        super().__init__(command, host=HOST, port=port, title="flowctl")
        self._guard = guard

    async def application(self) -> web.Application:
        """Return what answers requests, behind the guard."""
        app = await self._make_app()

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guard.answer(request, handler)

        app.middlewares.append(guarded)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: the link was told already."""


def serve(
    command: str, environment: Mapping[str, str], port: int, told: Callable[[str], None]
) -> None:
    """Serve a cockpit until Ctrl-C; `told` is given its link. A port of 0 is any that is free.

    Raises:
        OSError: somebody has that port.
    """
    logging.getLogger("textual-serve").setLevel(logging.ERROR)
    os.environ.update(environment)
    with socket.create_server((HOST, port)) as line:
        bound = int(line.getsockname()[1])
        guard = Guard(bound)
        told(f"http://{HOST}:{bound}/?token={guard.token}")
        house = House(command, bound, guard)
        web.run_app(house.application(), sock=line, print=None, access_log=None)
