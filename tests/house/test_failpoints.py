"""Every crash window that is named exists in the code, and every one in the code is named."""

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
