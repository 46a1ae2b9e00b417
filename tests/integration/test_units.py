"""The systemd units, as systemd reads and judges them."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
ANALYZE = shutil.which("systemd-analyze")
LIMITS = {"flowctl-agentd.service": 3.5, "flowctl-schedulerd.service": 1.5}

needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")


def _analyze(*words: str) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    return subprocess.run(
        [ANALYZE, *words], capture_output=True, text=True, timeout=60, check=False
    )


@needs_systemd
@pytest.mark.parametrize("name", LIMITS)
def test_systemd_has_no_complaint(name: str, tmp_path: Path) -> None:
    text = re.sub(
        r"^ExecStart=\S+", "ExecStart=/bin/true", (UNITS / name).read_text(), flags=re.MULTILINE
    )
    (tmp_path / name).write_text(text)
    done = _analyze("verify", "--recursive-errors=no", str(tmp_path / name))
    complaints = [line for line in done.stderr.splitlines() if name in line]
    assert (done.returncode, complaints) == (0, [])


@needs_systemd
@pytest.mark.parametrize(("name", "limit"), LIMITS.items())
def test_exposure(name: str, limit: float) -> None:
    done = _analyze("security", "--offline=true", "--no-pager", str(UNITS / name))
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= limit


def _service(name: str) -> dict[str, str]:
    parser = ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNITS / name)
    return dict(parser["Service"])


@pytest.mark.parametrize("name", LIMITS)
def test_both_are_watched_and_restarted(name: str) -> None:
    service = _service(name)
    assert service["Type"] == "notify"
    assert service["Restart"] == "on-failure"
    assert int(service["WatchdogSec"]) >= 10
    assert service["User"] == "flowctl"


def test_workers_outlive_their_agent() -> None:
    assert _service("flowctl-agentd.service")["KillMode"] == "process"
    assert "KillMode" not in _service("flowctl-schedulerd.service")
