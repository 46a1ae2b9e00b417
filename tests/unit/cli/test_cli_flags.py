"""Global flags stand anywhere on the line."""

import pytest

from flowctl.cli.flags import Color, colorful, hoist, wants_json


@pytest.mark.parametrize(
    ("line", "sorted_line"),
    [
        (["ls", "q", "-o", "json"], ["-o", "json", "ls", "q"]),
        (["-o", "json", "ls", "q"], ["-o", "json", "ls", "q"]),
        (["ls", "q", "--output=json", "-q"], ["--output=json", "-q", "ls", "q"]),
        (["call", "a.b", "--", "-o", "x"], ["call", "a.b", "--", "-o", "x"]),
        (["ls", "-ojson"], ["-o", "json", "ls"]),
        (["ls", "-o"], ["-o", "ls"]),
        (["call", "a.b", "-"], ["call", "a.b", "-"]),
        (["run", "r", "--input", "a.b=-"], ["run", "r", "--input", "a.b=-"]),
    ],
)
def test_global_flags_go_first(line: list[str], sorted_line: list[str]) -> None:
    assert hoist(line) == sorted_line


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (["ls", "-o", "json"], True),
        (["ls", "-ojsonl"], True),
        (["ls", "--output=json"], True),
        (["ls", "-o", "yaml"], False),
        (["ls"], False),
    ],
)
def test_a_line_that_cannot_be_parsed_still_says_whether_it_wants_json(
    line: list[str], wanted: bool
) -> None:
    assert wants_json(line) is wanted


def test_colours_follow_flag_then_environment_then_terminal() -> None:
    assert colorful(Color.ALWAYS, {"NO_COLOR": "1"}, tty=False)
    assert not colorful(Color.NEVER, {"FORCE_COLOR": "1"}, tty=True)
    assert not colorful(Color.AUTO, {"NO_COLOR": "1"}, tty=True)
    assert colorful(Color.AUTO, {"FORCE_COLOR": "1"}, tty=False)
    assert not colorful(Color.AUTO, {"TERM": "dumb"}, tty=True)
    assert colorful(Color.AUTO, {}, tty=True)
    assert not colorful(Color.AUTO, {}, tty=False)
