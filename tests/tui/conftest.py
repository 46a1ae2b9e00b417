"""A home for each test: a network `shop` of three processors in a chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import screen


@pytest.fixture
def home(tmp_path: Path) -> Iterator[screen.Home]:
    """A state and a broker with the network `shop`."""
    with screen.home(tmp_path / "home") as made:
        made.apply(screen.shop())
        yield made
