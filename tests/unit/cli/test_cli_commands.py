"""The table of commands and the commands behind it."""

import pytest
import typer

from flowctl.cli.app import COMMANDS, app
from flowctl.cli.lazy import load


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(name: str) -> None:
    command = load(COMMANDS[name], name)
    ctx = typer.Context(command, info_name=name)
    assert f"Usage: {name}" in command.get_help(ctx)
    assert command.help


def test_every_command_of_a_group_explains_itself() -> None:
    groups = [load(place, name) for name, place in COMMANDS.items()]
    inner = [one for group in groups for one in getattr(group, "commands", {}).values()]
    assert len(inner) > 20
    assert [one.name for one in inner if not one.help] == []


def test_the_overview_names_every_command_once() -> None:
    root = typer.main.get_command(app)
    text = root.get_help(typer.Context(root, info_name="flowctl"))
    for name, place in COMMANDS.items():
        assert text.count(f"\n  {name} ") == (0 if place.hidden else 1), name


def test_every_option_says_what_it_is_for() -> None:
    commands = [load(place, name) for name, place in COMMANDS.items()]
    inner = [one for group in commands for one in getattr(group, "commands", {}).values()]
    silent = [
        f"{command.name} {option.opts[0]}"
        for command in [*commands, *inner]
        for option in command.params
        if option.param_type_name == "option" and not getattr(option, "help", None)
    ]
    assert silent == []
