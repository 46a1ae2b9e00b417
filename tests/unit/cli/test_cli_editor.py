"""A text in the person's own editor."""

import pytest

from flowctl.cli.editor import edited
from flowctl.errors import InvalidInput, Refused


def test_what_was_saved_comes_back() -> None:
    assert edited("[1]\n", ".json", {"EDITOR": "sed -i s/1/2/"}) == "[2]\n"
    assert edited("a\n", ".py", {"EDITOR": "false", "VISUAL": "sed -i s/a/b/"}) == "b\n"


@pytest.mark.parametrize("editor", ["true", "sh -c 'echo x > $0; exit 3'"])
def test_what_was_not_saved_changes_nothing(editor: str) -> None:
    with pytest.raises(Refused, match="nothing was changed"):
        edited("[1]\n", ".json", {"EDITOR": editor})


def test_an_editor_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInput, match="nowhere-at-all"):
        edited("[1]\n", ".json", {"EDITOR": "nowhere-at-all"})
