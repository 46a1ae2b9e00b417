"""How the cockpit starts, and how it says that it cannot."""

from pathlib import Path

import pytest

from flowctl.errors import InvalidInput, Misconfigured
from flowctl.tui import keymap
from flowctl.tui.app import Wishes, registry
from flowctl.tui.palette import choose
from tests.command import Command
from tests.screen import Home, Screen


def test_without_a_terminal_it_says_what_to_do(tmp_path: Path) -> None:
    command = Command(tmp_path / "home")
    try:
        done = command("ui")
        assert done.code == 2
        assert "the cockpit needs a terminal" in done.err
        assert "flowctl status" in done.err
    finally:
        command.close()


def test_it_begins_where_it_is_told_to(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.until_says("1 of 3 processors")
        assert "/parse" in screen.lines()[1]

    home.play(play, wishes=Wishes(command=":processors /parse"))


@pytest.mark.parametrize(
    ("asked", "environ", "theme"),
    [
        ("", {"TERM": "xterm-256color"}, "dark"),
        ("light", {"TERM": "xterm-256color"}, "light"),
        ("", {"TERM": "xterm", "COLORTERM": "truecolor"}, "dark"),
        ("", {"TERM": "xterm"}, "ansi"),
        ("", {"TERM": "vt100"}, "mono"),
        ("", {"TERM": "xterm-256color", "NO_COLOR": "1"}, "mono"),
    ],
)
def test_the_theme_is_what_the_terminal_can_show(
    asked: str, environ: dict[str, str], theme: str
) -> None:
    assert choose(asked, environ) == theme


def test_a_theme_that_is_not_there_is_told() -> None:
    with pytest.raises(InvalidInput):
        choose("pink", {"TERM": "xterm-256color"})


def test_keys_are_rebound_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keymap.toml"
    file.write_text('preset = "vim"\n[keys]\n"processor.restart" = "f5"\n"help" = ["?", "x"]\n')
    made = registry()
    keys = keymap.load(made, file)
    assert keys.of(made["processor.restart"]) == ("f5",)
    assert keys.of(made["help"]) == ("?", "x")
    assert keys.shown(made["processor.restart"]) == "F5"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('preset = "emacs"', 'no keymap preset "emacs"'),
        ('[keys]\n"processor.restrt" = "x"', 'did you mean "processor.restart"?'),
        ('[keys]\n"help" = 3', "help wants a key"),
        ("keys = 3", "is a table"),
        ("[", "keymap.toml"),
    ],
)
def test_a_wrong_keymap_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "keymap.toml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        keymap.load(registry(), file)
    assert told in caught.value.message
