from __future__ import annotations

from pathlib import Path

import pytest

from flowctl.broker.connect import embedded_path, open_broker
from flowctl.broker.embedded.broker import EmbeddedBroker
from flowctl.errors import Misconfigured


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("embedded:////var/lib/broker.db", "/var/lib/broker.db"),
        ("embedded:///var/lib/broker.db", "/var/lib/broker.db"),
        ("embedded:////a folder/100%/#1?.db", "/a folder/100%/#1?.db"),
    ],
)
def test_an_embedded_url_names_a_file(url: str, path: str) -> None:
    assert embedded_path(url) == Path(path)


@pytest.mark.parametrize("url", ["embedded:", "embedded://", "embedded:///", "embedded://host/x"])
def test_an_embedded_url_without_a_file_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured, match="names no file"):
        open_broker(url)


def test_an_unknown_scheme_is_told_without_its_password() -> None:
    with pytest.raises(Misconfigured) as failure:
        open_broker("redis://me:secret@host/0")
    assert "secret" not in failure.value.message
    assert "amqp://" in failure.value.remedy


def test_opening_touches_nothing(tmp_path: Path) -> None:
    broker = open_broker(f"embedded:///{tmp_path}/deep/broker.db")
    assert isinstance(broker, EmbeddedBroker)
    broker.close()
    assert list(tmp_path.iterdir()) == []
