"""Every crash window that is named exists in the code, every one in the code is named and tried."""

import re
from pathlib import Path

from flowctl.failpoints import POINTS

ROOT = Path(__file__).parents[2]


def test_names_and_places_agree() -> None:
    reached = {
        point
        for room in ("flowctl", "agentd", "schedulerd")
        for path in (ROOT / room).rglob("*.py")
        for point in re.findall(r'reach\("([a-z.]+)"\)', path.read_text())
    }
    assert reached == set(POINTS)


def test_every_window_is_tried() -> None:
    """Those of a flow of calls by one test of all, the others each by name."""
    others = {
        p for p in POINTS if not p.startswith(("worker.", "agent.")) and p != "scheduler.placed"
    }
    texts = [
        path.read_text()
        for path in (ROOT / "tests").rglob("test_*.py")
        if path.name not in ("test_crash_windows.py", "test_failpoints.py")
    ]
    assert {point for point in others if any(point in text for text in texts)} == others
