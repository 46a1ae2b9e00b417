"""The codestats recipe against a plain multiprocessing.Pool that does the same work."""

from __future__ import annotations

import importlib.util
import multiprocessing
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from flowctl.services import runs
from flowctl.services.recipes import read
from flowctl.settings import load

RECIPE = Path(__file__).parents[2] / "recipes" / "codestats"


def measure(home: Path) -> list[tuple[str, Any, str]]:
    """Run both with one and with two processes, interleaved; start-up is counted apart."""
    rows: list[tuple[str, Any, str]] = []
    for count in (1, 2):
        plain = pooled(count)
        flow, whole = flowed(home / str(count), count)
        rows += [
            (f"multiprocessing.Pool({count}), s", plain, ""),
            (f"flow with {count} executors, first send to last result, s", flow, ""),
            (f"overhead with {count}, %", 100 * (flow / plain - 1), "<= 25"),
            (f"up, apply, run and down with {count}, s", whole, ""),
        ]
    return rows


def load_module() -> ModuleType:
    """Import the recipe's module."""
    spec = importlib.util.spec_from_file_location("codestats", RECIPE / "codestats.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure_chunk(chunk: dict[str, Any]) -> dict[str, Any]:
    """Do the work of one call, in a process of the pool."""
    found: dict[str, Any] = load_module().measure(chunk)
    return found


def pooled(count: int) -> float:
    """Return the seconds that a plain pool takes."""
    module = load_module()
    began = time.perf_counter()
    chunks = [c for p in module.packages(None) for c in module.chunks(p)]
    with multiprocessing.get_context("fork").Pool(count) as pool:
        parts = pool.map(measure_chunk, chunks, chunksize=1)
    by_package: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        by_package.setdefault(part["package"], []).append(part)
    module.table([module.package(found) for found in by_package.values()])
    return time.perf_counter() - began


def flowed(home: Path, count: int) -> tuple[float, float]:
    """Return the seconds of the flow itself, and with everything around it."""
    import msgspec

    (recipe,) = read(str(RECIPE))
    processors = tuple(
        msgspec.structs.replace(p, cpus=count) if p.name == "parse" else p
        for p in recipe.spec.processors
    )
    spec = msgspec.structs.replace(recipe.spec, processors=processors)
    recipe = msgspec.structs.replace(recipe, spec=spec)
    settings = load({"FLOWCTL_HOME": str(home)})
    began = time.perf_counter()
    from flowctl.services.control import open_control

    with open_control(settings) as control:
        settings.paths.make()
        control.store.migrate()
        with runs.brought_up(settings, control, cpus=count + 2):
            harvest = runs.execute(control, recipe, [])
            calls = control.store.traffic.run(harvest.run_id)
    starts = [c.started_at for c in calls if c.started_at]
    ends = [c.finished_at for c in calls if c.finished_at]
    return (max(ends) - min(starts)).total_seconds(), time.perf_counter() - began
