"""The command line without daemons: recipes, listings, errors, exit codes, formats."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.command import ROOT, Command

RECIPE = """\
version: 1
network: shop
processors:
  parse:
    source: {code: "def rows(text): return text.split()"}
    sockets: {rows: rows}
  store:
    source: {code: "def save(row, left=None): return row"}
    cpus: 2
    sockets: {save: save}
plugs:
  - parse.rows -> store.save
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A home with the network `shop` applied; tests must leave it as it is."""
    command = Command(tmp_path_factory.mktemp("shop"))
    command.ok("apply", "-", stdin=RECIPE)
    yield command
    command.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Command]:
    """A home of the test's own."""
    command = Command(tmp_path / "home")
    yield command
    command.close()


def test_plan_then_apply_then_nothing_to_do(fresh: Command) -> None:
    assert fresh("plan", "-", "--exit-code", stdin=RECIPE).code == 9
    fresh.ok("apply", "-", stdin=RECIPE)
    again = fresh("plan", "-", "--exit-code", stdin=RECIPE)
    assert again.code == 0
    assert "nothing to change" in again.out
    assert "nothing to change" in fresh.ok("apply", "-", stdin=RECIPE).err


def test_a_stale_plan_is_refused(fresh: Command, tmp_path: Path) -> None:
    fresh.ok("apply", "-", stdin=RECIPE)
    saved = tmp_path / "plan.json"
    fresh.ok("plan", "-", "--out", str(saved), stdin=RECIPE.replace("cpus: 2", "cpus: 3"))
    fresh.ok("scale", "parse=2")
    stale = fresh("apply", "--plan", str(saved))
    assert stale.code == 5
    assert "changed since the plan" in stale.err
    assert fresh.ok("show", "proc", "store", "-o", "json").json["spec"]["cpus"] == 2


def test_a_saved_plan_is_carried_out(fresh: Command, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    fresh.ok("plan", "-", "--out", str(saved), stdin=RECIPE)
    fresh.ok("apply", "--plan", str(saved), "-y")
    assert fresh.ok("ls", "proc", "-o", "name").out == "parse\nstore\n"


def test_export_is_a_recipe_that_changes_nothing(shop: Command) -> None:
    text = shop.ok("export").out
    assert shop("plan", "-", "--exit-code", stdin=text).code == 0
    assert shop.ok("diff", "-", stdin=text).out == ""


def test_diff_shows_both_sides(shop: Command) -> None:
    text = shop.ok("diff", "-", stdin=RECIPE.replace("cpus: 2", "cpus: 5")).out
    assert "-cpus: 2\n+cpus: 5\n" in text


def test_all_problems_of_a_recipe_at_once(fresh: Command) -> None:
    bad = "version: 1\nnetwork: x\nprocessors:\n  a: {sorce: 1, cpus: many}\n  b: {cpus: -1}\n"
    answer = fresh("apply", "-", stdin=bad)
    assert answer.code == 10
    assert "stdin:4:" in answer.err
    assert "stdin:5:" in answer.err
    problems = json.loads(fresh("apply", "-", "-o", "json", stdin=bad).err)["error"]["problems"]
    assert len(problems) >= 3
    assert all(problem["line"] for problem in problems)
    assert fresh.ok("ls", "networks", "-o", "name").out == ""


@pytest.mark.parametrize(
    "kind",
    [
        "networks",
        "nodes",
        "agents",
        "schedulers",
        "proc",
        "so",
        "tasks",
        "pl",
        "q",
        "dep",
        "w",
        "calls",
        "runs",
        "events",
        "sc",
    ],
)
def test_every_kind_is_listed_as_table_and_as_document(shop: Command, kind: str) -> None:
    shop.ok("ls", kind, "-o", "wide")
    document = shop.ok("ls", kind, "-o", "json").json
    assert document["version"] == 1
    assert isinstance(document["items"], list)


def test_every_format_says_the_same(shop: Command) -> None:
    document = shop.ok("ls", "so", "-o", "json").json
    assert yaml.safe_load(shop.ok("ls", "so", "-o", "yaml").out) == document
    lines = shop.ok("ls", "so", "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == document["items"]
    assert shop.ok("ls", "so", "-o", "name").out.split() == ["parse.rows", "store.save"]


def test_a_network_as_the_indented_tree(shop: Command) -> None:
    lines = shop.ok("ls", "network", "shop").out.splitlines()
    assert lines[0] == "network::shop"
    assert lines[1].startswith("  node::")
    assert "        processor::parse" in lines
    assert "                 function::rows" in lines
    assert "                      plug::parse.rows-store.save" in lines
    assert "                        target::store.save" in lines


def test_flags_before_and_after_the_verb_mean_the_same(shop: Command) -> None:
    assert shop.ok("-o", "name", "ls", "so").out == shop.ok("ls", "so", "-o", "name").out
    assert shop.ok("ls", "socket", "parse.rows").out == shop.ok("show", "so/parse.rows").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("lss",), 2, "Did you mean 'ls'"),
        (("ls", "procesors"), 2, 'did you mean "processors"'),
        (("show", "proc", "prase"), 4, 'did you mean "parse"'),
        (("show", "socket", "parse.row"), 4, 'did you mean "parse.rows"'),
        (("show", "proc"), 2, "which processor?"),
        (("stop", "prase"), 4, 'did you mean "parse"'),
        (("scale", "parse"), 2, "no request"),
        (("scale", "parse=lots"), 2, "not a number"),
        (("call", "parse.rows", "{"), 2, "not JSON"),
        (("call", "parse.rows", "NaN"), 2, "not JSON"),
        (("send", "nothing.there", "1"), 4, "not found"),
        (("delete", "network", "shop"), 2, "-y"),
        (("apply", "/nowhere.yaml"), 2, "cannot read"),
        (("apply",), 2, "which recipe"),
        (("ls", "proc", "-o", "xml"), 2, "xml"),
        (("queue", "peek", "shop.parse.rowz"), 4, 'did you mean "shop.parse.rows"'),
        (("result", "abc"), 4, "not found"),
        (("wait", "proc", "parse", "--for", "rain"), 2, "cannot wait"),
        (("completion", "tcsh"), 2, "no completion"),
        (("add", "plug", "parse.rows", "parse.rows"), 10, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_errors_say_what_and_what_to_do(
    shop: Command, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = shop(*words)
    assert answer.code == code, answer
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_an_error_is_json_where_the_answer_would_be(shop: Command) -> None:
    answer = shop("show", "proc", "prase", "-o", "json")
    assert json.loads(answer.err)["error"] == {
        "code": 4,
        "kind": "NotFound",
        "message": 'processor "prase" not found (did you mean "parse"?)',
        "hint": json.loads(answer.err)["error"]["hint"],
        "object": "processor/prase",
        "near": "parse",
    }


def test_an_unreachable_database_is_one_line(fresh: Command) -> None:
    answer = fresh("ls", "proc", FLOWCTL_STATE="postgresql://me:secret@127.0.0.1:1/none")
    assert answer.code == 7
    assert answer.err.startswith("error: ")
    assert "Traceback" not in answer.err
    assert "secret" not in answer.err


def test_an_unreachable_broker_leaves_listings_alive(fresh: Command) -> None:
    fresh.ok("apply", "-", stdin=RECIPE)
    answer = fresh("ls", "queues", FLOWCTL_BROKER="amqp://guest:guest@127.0.0.1:1/%2f")
    assert answer.code == 0, answer
    assert "?" in answer.out


def test_read_only_refuses_writes_and_shows_the_rest(shop: Command) -> None:
    assert shop("scale", "parse=3", FLOWCTL_READONLY="1").code == 6
    assert (
        shop("apply", "-", stdin=RECIPE.replace("cpus: 2", "cpus: 9"), FLOWCTL_READONLY="1").code
        == 6
    )
    assert shop("ls", "proc", FLOWCTL_READONLY="1").code == 0


def test_a_closed_pipe_is_quiet(shop: Command) -> None:
    script = f"{sys.executable} -m flowctl ls so -o json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=shop.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in ("141", "0")
    assert done.stderr == ""


def test_nothing_is_coloured_in_a_pipe_unless_asked(shop: Command) -> None:
    assert "\x1b" not in shop.ok("ls", "proc").out
    assert "\x1b" in shop.ok("ls", "proc", "--color", "always").out
    assert "\x1b" in shop("ls", "proc", FORCE_COLOR="1").out


def test_add_and_delete_single_objects(fresh: Command) -> None:
    code = "def up(text):\n    return text.upper()\n"
    fresh.ok("-n", "mine", "add", "proc", "case", "--code", "-", "--socket", "up", stdin=code)
    fresh.ok("add", "socket", "case.again", "--task", "up", "--interval", "1h")
    fresh.ok("add", "plug", "case.up", "case.again", "--allow-cycle")
    assert fresh.ok("ls", "so", "-o", "name").out == "case.again\ncase.up\n"
    assert fresh("add", "socket/case.again", "--task", "up").code == 5
    fresh.ok("update", "socket", "case.again", "--no-schedule")
    assert fresh.ok("ls", "sc", "-o", "name").out == ""
    fresh.ok("update", "proc", "case", "--cpus", "4", "--env", "A=1")
    spec = fresh.ok("show", "proc", "case", "-o", "json").json["spec"]
    assert (spec["cpus"], spec["env"], spec["source"]["code"]) == (4, {"A": "1"}, code)
    fresh.ok("delete", "plug", "case.up-case.again", "-y")
    fresh.ok("delete", "so/case.again", "-y")
    fresh.ok("delete", "proc", "case", "-y")
    assert fresh.ok("ls", "so", "-o", "name").out == ""
    fresh.ok("delete", "net", "mine", "-y")
    assert fresh.ok("ls", "net", "-o", "name").out == ""


def test_one_of_many_that_fails_does_not_stop_the_others(fresh: Command) -> None:
    fresh.ok("apply", "-", stdin=RECIPE)
    answer = fresh("pause", "parse", "nobody", "store")
    assert answer.code == 3
    assert 'error: processor "nobody" not found' in answer.err
    items = fresh.ok("ls", "proc", "-o", "json").json["items"]
    assert [item["requested_status"] for item in items] == ["paused", "paused"]
    assert fresh("pause", "nobody", "noone").code == 4


def test_messages_that_wait_are_not_lost_by_a_delete(fresh: Command) -> None:
    fresh.ok("apply", "-", stdin=RECIPE)
    fresh.ok("send", "parse.rows", '"a b"')
    refused = fresh("delete", "network", "shop", "-y")
    assert refused.code == 5
    assert "1 messages wait" in refused.err
    assert fresh("delete", "so", "parse.rows", "-y").code == 5
    fresh.ok("delete", "so", "parse.rows", "-y", "--force")
    fresh.ok("delete", "network", "shop", "-y", "--purge")


def test_queues_can_be_looked_into_and_changed(fresh: Command) -> None:
    fresh.ok("apply", "-", stdin=RECIPE)
    ids = fresh.ok("send", "parse.rows", "-", "--each", stdin='"a"\n"b"\n"c"\n').out.split()
    assert len(ids) == 3
    for _ in range(2):
        items = fresh.ok("queue", "peek", "parse.rows", "-o", "json").json["items"]
        assert [(item["id"], item["body"]) for item in items] == list(zip(ids, "abc", strict=True))
    fresh.ok("queue", "rm", "parse.rows", ids[1][:12])
    fresh.ok("queue", "move", "parse.rows", "store.save", ids[2])
    depth = {q["name"]: q["ready"] for q in fresh.ok("ls", "q", "-o", "json").json["items"]}
    assert depth["shop.parse.rows"] == 1
    assert depth["shop.store.save"] == 1
    assert fresh("queue", "purge", "store.save").code == 2
    assert "1 message removed" in fresh.ok("queue", "purge", "store.save", "-y").err


def test_the_database_as_a_whole(fresh: Command) -> None:
    fresh.ok("db", "init")
    assert "schema" in fresh.ok("db", "check").err
    fresh.ok("apply", "-", stdin=RECIPE)
    assert fresh.ok("db", "json").json["kind"] == "database"
    assert fresh("db", "drop").code == 2
    fresh.ok("db", "drop", "-y")
    assert fresh.ok("ls", "net", "-o", "name").out == ""


def test_settings_say_where_they_come_from(fresh: Command) -> None:
    items = fresh("config", "view", "-o", "json", FLOWCTL_LOG_LEVEL="debug").json["items"]
    assert {
        "setting": "log_level",
        "value": "debug",
        "from": "environment FLOWCTL_LOG_LEVEL",
    } in items
    assert fresh.ok("config", "path").out.strip() == str(fresh.home / "config.toml")
    assert str(fresh.home) in fresh.ok("info").out
    assert fresh.ok("version").out == fresh.ok("--version").out


def test_passwords_are_never_shown(fresh: Command) -> None:
    url = "postgresql://me:s3cret@127.0.0.1/db"
    for words in (("config", "view"), ("info",), ("config", "view", "-o", "json")):
        answer = fresh(*words, FLOWCTL_STATE=url)
        assert "s3cret" not in answer.out + answer.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(fresh: Command, shell: str) -> None:
    assert "flowctl" in fresh.ok("completion", shell).out


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("flowctl sta", {"status", "start"}),
        ("flowctl stop pa", {"parse"}),
        ("flowctl show proc st", {"store"}),
        ("flowctl show processor/pa", {"processor/parse"}),
        ("flowctl call store.", {"store.save"}),
    ],
)
def test_names_complete_in_the_shell(shop: Command, line: str, offered: set[str]) -> None:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    answer = shop(_FLOWCTL_COMPLETE="complete_bash", **words)
    assert set(answer.out.split()) == offered, answer


def test_status_without_daemons_is_unhealthy_and_says_why(shop: Command) -> None:
    answer = shop("status")
    assert answer.code == 8
    assert "no scheduler leads" in answer.out
    assert shop("status", "-o", "json").json["healthy"] is False
    assert "no agent is running" in shop.ok("why", "parse").out


def test_doctor_checks_everything(shop: Command) -> None:
    grades = {
        item["check"]: item["grade"] for item in shop.ok("doctor", "-o", "json").json["items"]
    }
    assert grades["database"] == grades["broker"] == grades["pair"] == "ok"


def test_units_are_written_below_a_root(fresh: Command, tmp_path: Path) -> None:
    programs = Path(sys.executable).parent
    assert (programs / "agentd").exists(), "make install first"
    fresh.ok("service", "install", "--root", str(tmp_path))
    text = (tmp_path / "etc/systemd/system/flowctl-agentd.service").read_text()
    assert f"ExecStart={programs}/agentd" in text
    fresh.ok("service", "uninstall", "--root", str(tmp_path))
    assert list((tmp_path / "etc/systemd/system").iterdir()) == []
