from __future__ import annotations

import os
from pathlib import Path

from agentd import resources


def test_the_host_is_measured(tmp_path: Path) -> None:
    seen = resources.measure_host(tmp_path)
    assert seen.cpus == resources.CPUS >= 1
    assert 0 < seen.memory_available < seen.memory_total
    assert 0 < seen.disk_free <= seen.disk_total
    assert 0.0 <= seen.cpu_percent <= 100.0


def test_processes_are_measured_together_and_the_dead_count_nothing() -> None:
    meter = resources.Meter()
    meter.measure("w", [os.getpid()])
    sum(range(1_000_000))
    cpu, memory = meter.measure("w", [os.getpid(), 2**22 + 1])
    assert cpu > 0.0
    assert memory > 1 << 20
    meter.forget("w")
    assert meter.measure("w", []) == (0.0, 0)
