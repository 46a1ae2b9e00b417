"""The folders of a home."""

from pathlib import Path

import pytest

from flowctl.errors import Misconfigured
from flowctl.settings import load


def test_a_home_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with pytest.raises(Misconfigured, match="cannot make the folder") as told:
        load({"FLOWCTL_HOME": str(taken)}).paths.make()
    assert "FLOWCTL_HOME" in told.value.remedy
