"""What the worker says of itself."""

from pathlib import Path

import msgspec
import pytest

from agentd.worker.report import REPEAT, Reporter, View
from agentd.worker.status import read_status
from flowctl.model.states import WorkerStatus

VIEW = {
    "serving": 1, "busy": 0, "pids": (7,), "is_draining": False, "is_paused": False,
    "generation": 1, "restarts": 0, "at": 100.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason", "trouble", "status"),
    [
        ({}, "", "", WorkerStatus.RUNNING),
        ({"serving": 0}, "", "", WorkerStatus.STARTING),
        ({"is_paused": True}, "", "", WorkerStatus.PAUSED),
        ({}, "", "no broker", WorkerStatus.UNREACHABLE),
        ({"serving": 0}, "ImportError: x", "", WorkerStatus.FAILED),
        ({"is_draining": True}, "ImportError: x", "no broker", WorkerStatus.DRAINING),
    ],
)
def test_the_worst_news_is_the_status(
    tmp_path: Path, change: dict[str, object], reason: str, trouble: str, status: WorkerStatus
) -> None:
    reporter = Reporter(str(tmp_path / "status"))
    reporter.reason, reporter.trouble = reason, trouble
    reporter.write(View(**{**VIEW, **change}))  # type: ignore[arg-type]
    said = read_status(str(tmp_path / "status"))
    assert said is not None
    assert (said.status, said.reason) == (status, reason or trouble)


def test_the_same_is_said_again_only_as_a_sign_of_life(tmp_path: Path) -> None:
    file = tmp_path / "status"
    reporter = Reporter(str(file))
    for at, expected in [(100.0, 100.0), (100.5, 100.0), (100.0 + REPEAT, 100.0 + REPEAT)]:
        reporter.write(View(**{**VIEW, "at": at}))  # type: ignore[arg-type]
        assert msgspec.json.decode(file.read_bytes())["at"] == expected


def test_news_are_said_at_once(tmp_path: Path) -> None:
    reporter = Reporter(str(tmp_path / "status"))
    reporter.write(View(**VIEW))  # type: ignore[arg-type]
    reporter.count(failed=True)
    reporter.write(View(**{**VIEW, "at": 100.1}))  # type: ignore[arg-type]
    said = read_status(str(tmp_path / "status"))
    assert said is not None
    assert (said.calls, said.failed) == (1, 1)


def test_a_folder_that_is_gone_ends_nobody(tmp_path: Path) -> None:
    Reporter(str(tmp_path / "gone" / "status")).write(View(**VIEW))  # type: ignore[arg-type]
    assert not (tmp_path / "gone").exists()


def test_a_file_that_is_no_status_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("{")
    assert read_status(str(tmp_path / "status")) is None
    assert read_status(str(tmp_path / "other")) is None
