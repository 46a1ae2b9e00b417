from __future__ import annotations

import io

import pytest

from flowctl.cli.piping import ids_of, lines_of
from flowctl.errors import InvalidInput


class Piped(io.StringIO):
    def isatty(self) -> bool:
        return False


class Screen(Piped):
    def isatty(self) -> bool:
        return True


def test_lines_come_from_the_data_or_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(lines_of("1\n\n 2 \n")) == ["1", " 2 "]
    monkeypatch.setattr("sys.stdin", Piped("3\n\n4"))
    assert list(lines_of("-")) == ["3", "4"]
    monkeypatch.setattr("sys.stdin", Screen())
    with pytest.raises(InvalidInput, match="nothing was piped in"):
        lines_of(None)


def test_ids_are_read_as_send_writes_them() -> None:
    assert list(ids_of(["abc", "call/def ", '{"id":"ghi","socket":"a.b"}'])) == [
        "abc",
        "def",
        "ghi",
    ]
    with pytest.raises(InvalidInput, match="no call id"):
        list(ids_of(['{"socket":"a.b"}']))
