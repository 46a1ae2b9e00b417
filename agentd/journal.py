"""The record of spawned workers on this host's disk, for the next life of the agent.

An entry is written before its worker is spawned (with a token that the worker will carry) and
again when its pid is known; both times it is on the disk before anything else happens. So a
worker can be found again wherever the agent was killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

from agentd.processes import Identity
from agentd.stimuli import Key, Site, Version

_log = logging.getLogger(__name__)
_ENDING = ".worker"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One worker that was, or was about to be, spawned."""

    name: str
    key: Key
    token: str
    version: Version
    site: Site | None
    restarts: int = 0
    identity: Identity | None = None
    """None until the process is known."""


class Journal:
    """A folder with one file an entry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, entry: Entry) -> None:
        """Put an entry on the disk, in place of the one with the same name.

        Raises:
            OSError: the disk does not take it.
        """
        write_atomically(self._path(entry.name), msgspec.json.encode(entry))

    def strike(self, name: str) -> None:
        """Remove an entry; the process it speaks of has ended."""
        self._path(name).unlink(missing_ok=True)

    def read(self) -> Iterator[Entry]:
        """Yield all entries; what cannot be read is put aside and told."""
        for path in sorted(self._folder.glob(f"*{_ENDING}")):
            try:
                yield msgspec.json.decode(path.read_bytes(), type=Entry)
            except (OSError, msgspec.MsgspecError) as error:
                _log.warning("journal entry %s is put aside: %s", path, error)
                path.replace(path.with_suffix(".damaged"))

    def _path(self, name: str) -> Path:
        return self._folder / (quote(name, safe="") + _ENDING)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read and that is there whole or not at all.

    Raises:
        OSError: the disk does not take it; the old file is as it was.
    """
    aside = path.with_name(path.name + ".new")
    try:
        aside.touch(mode=0o600)
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename last: it is an entry of the folder, not of the file."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
