"""Lines of logs keep their moments and their tracebacks."""

from datetime import UTC, datetime
from pathlib import Path

from flowctl.services import logs

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)


def record(second: int, message: str, **more: object) -> str:
    import json

    return json.dumps(
        {
            "at": f"2026-11-05T12:00:{second:02}.000+00:00",
            "level": "info",
            "logger": "x",
            "message": message,
        }
        | more
    )


def test_records_and_what_follows_them() -> None:
    text = "\n".join(
        ["stray", record(1, "one", pid=7), "Traceback ...", record(2, "two", level="error")]
    )
    lines = logs.parse("agentd", text, NOW)
    assert [(line.at.second, line.level, line.text) for line in lines] == [
        (0, "info", "stray"),
        (1, "info", "one pid=7"),
        (1, "info", "Traceback ..."),
        (2, "error", "two"),
    ]


def test_a_traceback_in_a_record_is_lines() -> None:
    lines = logs.parse("agentd", record(1, "it broke", traceback="a\nb"), NOW)
    assert [line.text for line in lines] == ["it broke", "a", "b"]


def test_json_that_is_no_record_is_text() -> None:
    assert [line.text for line in logs.parse("w", '{"a": 1}\n{broken', NOW)] == [
        '{"a": 1}',
        "{broken",
    ]


def test_logs_of_daemons_and_workers_are_found(tmp_path: Path) -> None:
    (tmp_path / "workers").mkdir()
    for name in ("schedulerd.log", "workers/h.net.p.worker.1.log", "workers/notes.txt"):
        (tmp_path / name).touch()
    assert [logs.source_of(file) for file in logs.files(tmp_path)] == [
        "schedulerd",
        "h.net.p.worker.1",
    ]


def test_what_a_function_printed_belongs_to_its_socket() -> None:
    text = record(1, "hello", call="c1", run="r1", socket="price.total", stream="stdout")
    (line,) = logs.parse("h.shop.price.worker.1", text, NOW)
    assert (line.source, line.level, line.text, line.call_id) == (
        "price.total",
        "print",
        "hello",
        "c1",
    )


def test_a_name_means_what_is_of_it_and_what_daemons_say_of_it(tmp_path: Path) -> None:
    from flowctl.services.control import open_control
    from flowctl.settings import load

    settings = load({"FLOWCTL_HOME": str(tmp_path)})
    settings.paths.make()
    (settings.paths.logs / "agentd-h1.log").write_text(
        "\n".join([record(1, "worker of shop/g.deploy1 started"), record(2, "no deployments")])
    )
    workers = settings.paths.logs / "workers"
    workers.mkdir(exist_ok=True)
    (workers / "h1.shop.g.worker.1.log").write_text(record(3, "serves"))
    (workers / "h1.shop.big.worker.1.log").write_text(record(4, "serves as well"))
    with open_control(settings, name="test") as control:
        control.store.migrate()
        told = logs.read(control, logs.Filter(names=("g",)))
    assert [line.text for line in told] == ["worker of shop/g.deploy1 started", "serves"]
