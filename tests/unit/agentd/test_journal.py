from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec
import pytest

from agentd.journal import Entry, Journal, write_atomically
from agentd.processes import Identity
from agentd.stimuli import Key, Site, Version

ENTRY = Entry(
    name="h1.shop.parse.worker.1",
    key=Key("shop", "parse.deploy1"),
    token="t1",
    version=Version(2, 1),
    site=Site(python="/env/bin/python", paths=("/src",), commit="c0ffee", key="k"),
)


def test_what_is_written_is_read_and_what_is_struck_is_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.write(ENTRY)
    known = msgspec.structs.replace(ENTRY, identity=Identity("boot", 12, 345))
    journal.write(known)
    assert list(Journal(tmp_path / "j").read()) == [known]
    journal.strike(ENTRY.name)
    journal.strike(ENTRY.name)
    assert list(journal.read()) == []


def test_a_damaged_entry_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path)
    journal.write(ENTRY)
    (tmp_path / "bad.worker").write_text('{"name": 3}')
    assert list(journal.read()) == [ENTRY]
    assert list(journal.read()) == [ENTRY]
    assert (tmp_path / "bad.damaged").exists()
    assert "put aside" in caplog.text


def test_half_a_file_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_nobody_else_may_read(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"token")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
