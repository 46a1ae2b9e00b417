"""The filter language."""

import pytest

from flowctl.views.filters import parse

ROW = {
    "name": "parse", "status": "running", "ready": 1204, "memory": 300 * 2**20, "duration": 1.5,
    "labels": {"zone": "east"}, "pinned": True, "error": None, "arguments": ["left", "right"],
}  # fmt: skip
TEXT = "parse  running  1.2k  Order 66"


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ("", True), ("par", True), ("PAR", False), ("order", True), ("Order", True), ("oRder", False),
        ("^parse", True), ("^running", False), ("run.*66", True), ("!parse", False), ("!store", True),
        ("~prs", True), ("~srp", False), ("parse !running", False), ("parse running", True),
        ('"running  1"', True), ("ready>1k", True), ("ready>1.3k", False), ("ready>=1204", True),
        ("ready<2k", True), ("ready<=1000", False), ("rea>1k", True), ("memory>200MiB", True),
        ("duration>1s", True), ("duration>1m", False), ("status=running", True), ("status=run", False),
        ("status=run*", True), ("status!=running", False), ("zone=east", True), ("zone=west", False),
        ("pinned=yes", True), ("error=", True), ("error!=", False), ("arguments=left", True),
        ("!ready>1k", False), ("nothing>3", False),
    ],
)  # fmt: skip
def test_what_matches(wanted: str, matches: bool) -> None:
    assert parse(wanted, list(ROW)).matches(TEXT, ROW) is matches


@pytest.mark.parametrize("typed", ["[", "(", "!", "~", "ready>", "a|*", "=", '"', "x>="])
def test_half_a_word_never_empties_the_screen(typed: str) -> None:
    row = f"row with {typed} in it"
    assert parse(typed, ["ready"]).matches(row, {"ready": 3, "": ""})


def test_what_is_odd_is_noted() -> None:
    assert "looked for as it stands" in parse("[a").note
    assert "is no number" in parse("ready>many").note
    assert parse("par").note == ""
