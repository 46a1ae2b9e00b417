"""The adaptors that are always there: a file of JSON lines, and a webhook."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
import stamina

from flowctl.errors import Misconfigured, Unavailable

_TIMEOUT = (3.05, 10.0)
"""Seconds to connect, and between two bytes of the answer."""
_ATTEMPTS = 4


def to_file(url: str, documents: Sequence[dict[str, Any]]) -> None:
    """Append documents to the file of `file:///PATH`, one a line, and sync them."""
    path = urlsplit(url).path
    lines = b"".join(msgspec.json.encode(each) + b"\n" for each in documents)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Misconfigured(f"cannot write {path}: {error.strerror}") from error


def to_webhook(url: str, documents: Sequence[dict[str, Any]]) -> None:
    """Post documents, as JSON lines, to what follows `webhook+`; any answer below 300 takes them."""
    place = url.removeprefix("webhook+")
    body = b"".join(msgspec.json.encode(each) + b"\n" for each in documents)
    try:
        for attempt in stamina.retry_context(
            on=requests.RequestException, attempts=_ATTEMPTS, wait_initial=0.2, timeout=30.0
        ):
            with attempt:
                answer = requests.post(
                    place,
                    data=body,
                    headers={"Content-Type": "application/x-ndjson"},
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                )
                if not answer.ok or answer.is_redirect:
                    raise requests.HTTPError(f"it answers {answer.status_code}")
    except requests.RequestException as error:
        raise Unavailable(f"the webhook does not take it: {error}") from error
