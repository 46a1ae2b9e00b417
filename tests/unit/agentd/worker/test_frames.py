"""Frames survive any way of being cut into pieces."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.worker.frames import Kind, Reader, pack
from flowctl.errors import Malformed

FRAMES = st.lists(
    st.tuples(
        st.sampled_from(Kind),
        st.dictionaries(st.text(max_size=5), st.integers(0, 9), max_size=3),
        st.binary(max_size=200),
    ),
    max_size=6,
)


@given(FRAMES, st.integers(1, 50))
def test_frames_come_out_as_they_went_in(
    frames: list[tuple[Kind, dict[str, int], bytes]], size: int
) -> None:
    stream = b"".join(pack(kind, head, body) for kind, head, body in frames)
    reader = Reader()
    found = [f for at in range(0, len(stream), size) for f in reader.feed(stream[at : at + size])]
    assert [(f.kind, f.head, f.body) for f in found] == frames


def test_a_foreign_stream_is_refused() -> None:
    with pytest.raises(Malformed):
        Reader().feed(b"HTTP/1.1 200 OK\r\n\r\n")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(Malformed):
        Reader().feed(struct.pack(">BII", 99, 2, 0) + b"{}")
