"""One listing in every format."""

import json
from datetime import UTC, datetime

import pytest
import yaml

from flowctl.cli.flags import Color, Flags, Output
from flowctl.cli.output import grid, show_sheet, show_table, tinted
from flowctl.views.table import Field, Sheet, build

NOW = datetime(2026, 11, 5, tzinfo=UTC)
FIELDS = (
    Field("name", lambda thing: thing["name"]),
    Field("status", lambda thing: thing["status"]),
    Field("cpus", lambda thing: thing["cpus"], right=True),
    Field("secret", lambda thing: "only wide", wide=True),
)
THINGS = [
    {"name": "007", "status": "running", "cpus": 2},
    {"name": "b", "status": "1e5", "cpus": 10},
]
TABLE = build("things", FIELDS, THINGS, NOW, name=lambda thing: thing["name"])


def written(capsys: pytest.CaptureFixture[str], output: Output, **flags: object) -> str:
    show_table(TABLE, Flags(output=output, color=Color.NEVER, **flags))  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_a_table_shows_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    lines = written(capsys, Output.TABLE).splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "CPUS"]
    assert lines[1].split() == ["007", "running", "2"]
    assert lines[2].split() == ["b", "1e5", "10"]


def test_wide_shows_more_and_no_headers_shows_less(capsys: pytest.CaptureFixture[str]) -> None:
    assert "only wide" in written(capsys, Output.WIDE)
    assert "NAME" not in written(capsys, Output.TABLE, headers=False)


def test_json_has_kind_version_and_items(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(written(capsys, Output.JSON))
    assert document["version"] == 1
    assert document["kind"] == "things"
    assert document["items"][0] == {
        "name": "007",
        "status": "running",
        "cpus": 2,
        "secret": "only wide",
    }


def test_jsonl_is_one_item_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    items = [json.loads(line) for line in written(capsys, Output.JSONL).splitlines()]
    assert [item["name"] for item in items] == ["007", "b"]


def test_yaml_says_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(capsys, Output.YAML)
    assert yaml.safe_load(text) == json.loads(written(capsys, Output.JSON))


def test_name_is_for_other_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, Output.NAME) == "007\nb\n"


def test_an_empty_table_writes_nothing_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(build("things", FIELDS, [], NOW), Flags())
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "no things\n"


def test_only_the_first_status_is_coloured() -> None:
    assert tinted("parse  running  running") == "parse  \x1b[32mrunning\x1b[0m  running"
    assert tinted("running-late.x  -") == "running-late.x  -"


def test_colours_add_nothing_but_colours() -> None:
    colored = grid(TABLE, Flags(color=Color.ALWAYS))
    bare = grid(TABLE, Flags(color=Color.NEVER))
    assert colored.replace("\x1b[32m", "").replace("\x1b[0m", "") == bare


def test_a_sheet_has_properties_tables_and_texts(capsys: pytest.CaptureFixture[str]) -> None:
    sheet = Sheet(
        kind="thing", name="a", properties=(("name", "a"), ("longer key", "b")),
        document={"name": "a"}, tables=(("Parts", TABLE),), texts=(("Code", "x = 1\ny = 2"),),
    )  # fmt: skip
    show_sheet(sheet, Flags(color=Color.NEVER))
    text = capsys.readouterr().out
    assert text.startswith("name:        a\nlonger key:  b\n\nParts\n  NAME")
    assert text.endswith("Code\n  x = 1\n  y = 2\n")
    show_sheet(sheet, Flags(output=Output.JSON))
    assert json.loads(capsys.readouterr().out) == {"version": 1, "kind": "thing", "name": "a"}
