"""Answers between the processes of one machine: datagrams, so that waiting costs no transaction.

An address is the name of a socket that its owner listens on. Many answers for one address travel in
one datagram. A listener that is gone, or whose queue in the kernel is full, misses them: whoever
waits looks at the record then. The kernel says who sent a datagram; strangers are not believed.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from flowctl.broker.embedded.wire import pack, unpack
from flowctl.errors import FlowError, Malformed
from flowctl.model.ids import new_id
from flowctl.model.traffic import Message, Outgoing

SCHEME = "datagram:"
MOST_SENT = 96 * 1024
"""Bytes after which a datagram takes no more answers."""
MOST_RECEIVED = 256 * 1024
_CREDENTIALS = struct.Struct("3i")
_SPACE = socket.CMSG_SPACE(_CREDENTIALS.size)
_Letters = list[tuple[bytes, bytes]]
_LETTERS = msgspec.msgpack.Decoder(_Letters)

_log = logging.getLogger(__name__)


class Listener:
    """A socket of this process with a thread that reads it."""

    def __init__(self, path: Path, name: str) -> None:
        self._id = new_id()
        self._friends = {0, os.geteuid(), path.parent.stat().st_uid}
        self.hear: Callable[[Sequence[Message]], None] = _ignore
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(_place(self._id))
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"{name}-answers", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """What `reply_to` has to be."""
        return SCHEME + self._id

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)
        self._socket.close()

    def _run(self) -> None:
        while not self._closing:
            data, notes, _flags, _from = self._socket.recvmsg(MOST_RECEIVED, _SPACE)
            if data and any(_sender(note) in self._friends for _, _, note in notes):
                self._hand(data)

    def _hand(self, data: bytes) -> None:
        try:
            found = [unpack(kept, body) for kept, body in _LETTERS.decode(data)]
        except (msgspec.DecodeError, Malformed) as error:
            _log.warning("an answer that cannot be read: %s", error)
            return
        try:
            self.hear(found)
        except Exception:  # noqa: BLE001 - the answers of all others must go on
            _log.exception("an answer could not be taken")


class Speaker:
    """Sends answers."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def tell(self, answers: Sequence[Outgoing]) -> None:
        """Send answers to those of their addresses that are of our kind."""
        by_address: dict[str, list[Message]] = {}
        for each in answers:
            if each.queue.startswith(SCHEME):
                by_address.setdefault(each.queue, []).append(each.message)
        for address, messages in by_address.items():
            for letters in _portions(messages):
                with suppress(OSError, ValueError):
                    place = _place(address.removeprefix(SCHEME))
                    self._socket.sendto(msgspec.msgpack.encode(letters), place)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _portions(messages: Sequence[Message]) -> Iterator[_Letters]:
    letters: _Letters = []
    size = 0
    for message in messages:
        with suppress(FlowError):
            letters.append((pack(message), message.body))
            size += len(letters[-1][0]) + len(message.body)
        if size > MOST_SENT:
            yield letters
            letters, size = [], 0
    if letters:
        yield letters


def _place(name: str) -> bytes:
    return b"\0flowctl-answers-" + name.encode()


def _sender(note: bytes) -> int:
    return int(_CREDENTIALS.unpack(note)[1]) if len(note) == _CREDENTIALS.size else -1


def _ignore(_answers: Sequence[Message]) -> None:
    """Hear nothing yet."""
