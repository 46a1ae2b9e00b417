from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from flowctl.systemd import READY, WATCHDOG, notify, status


def _listen(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(address)
    listener.settimeout(5)
    return listener


def test_words_arrive_in_one_datagram(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with _listen(address) as listener:
        assert notify(READY, status("3 workers\nserve"), environ={"NOTIFY_SOCKET": address})
        assert listener.recv(1000) == b"READY=1\nSTATUS=3 workers serve"


def test_an_abstract_address_begins_with_an_at_sign() -> None:
    name = f"flowctl-test-{os.getpid()}"
    with _listen("\0" + name) as listener:
        assert notify(WATCHDOG, environ={"NOTIFY_SOCKET": "@" + name})
        assert listener.recv(1000) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/nowhere/at/all"])
def test_nobody_listens(address: str) -> None:
    assert not notify(READY, environ={"NOTIFY_SOCKET": address})
