from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentd.claim import claim
from flowctl.errors import Conflict


def test_only_one_has_it_and_the_other_hears_who(tmp_path: Path) -> None:
    path = tmp_path / "run" / "agentd-h1.lock"
    number = claim(path, "h1")
    with pytest.raises(Conflict, match=f'"h1" runs here already, with pid {os.getpid()}') as caught:
        claim(path, "h1")
    assert "--name" in caught.value.remedy
    os.close(number)
    os.close(claim(path, "h1"))


def test_it_is_not_inherited(tmp_path: Path) -> None:
    number = claim(tmp_path / "lock", "h1")
    assert not os.get_inheritable(number)
    os.close(number)
