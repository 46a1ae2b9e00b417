"""The cockpit in a browser: on this machine only, with a link that is good once."""

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.screen import PATIENCE, Home

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def served(home: Home) -> Iterator[str]:
    """Serve the cockpit of a home, and give its link."""
    env = {**os.environ, "FLOWCTL_HOME": str(home.folder)}
    line = [sys.executable, "-m", "flowctl", "ui", "--serve", "-c", ":flows"]
    with subprocess.Popen(
        line, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(PATIENCE)


async def read_until(line: aiohttp.ClientWebSocketResponse, text: str) -> str:
    """Read what the cockpit paints until a text has come."""
    seen = ""
    while text not in seen:
        message = await line.receive(timeout=PATIENCE)
        assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), seen
        if isinstance(message.data, bytes):
            seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", message.data.decode(errors="replace"))
    return seen


def test_the_link_is_good_once_and_leads_to_the_cockpit(home: Home) -> None:
    async def visit(link: str) -> None:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S{32}", link)
        base = link.partition("/?")[0]
        async with aiohttp.ClientSession() as stranger:
            for path in ("/", "/?token=wrong", "/ws", "/static/js/textual.js"):
                assert (await stranger.get(base + path)).status == 403, path
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            page = await browser.get(link)
            assert page.status == 200
            assert "ws://127.0.0.1" in await page.text()
            elsewhere = {"Origin": "http://evil.example"}
            assert (await browser.get(base, headers=elsewhere)).status == 403
            assert (await browser.get(base, headers={"Host": "evil.example"})).status == 403
            async with browser.ws_connect(f"{base}/ws?width=80&height=24") as line:
                await read_until(line, "shop")
                await line.send_json(["stdin", "5"])
                await read_until(line, "mail")
        async with aiohttp.ClientSession() as late:
            assert (await late.get(link)).status == 403

    with served(home) as link:
        asyncio.run(visit(link))


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
def test_a_browser_shows_it(home: Home, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    line = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1000,600", "--timeout=15000", f"--screenshot={shot}",
    ]  # fmt: skip
    with served(home) as link:
        subprocess.run([*line, link], check=True, timeout=2 * PATIENCE, capture_output=True)
    assert len(painted(shot.read_bytes())) > 500, "a page that is not one colour"


def painted(png: bytes) -> set[bytes]:
    """Return the different pieces of a picture: a blank page has few."""
    raw, at = b"", 8
    while at < len(png):
        size, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        raw += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    pixels = zlib.decompress(raw)
    return {pixels[n : n + 16] for n in range(0, len(pixels), 16)}
