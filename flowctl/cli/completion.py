"""Completion in the shell: names of kinds and objects, and the script of each shell.

What cannot be read in time completes to nothing; a shell must never see an error of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from flowctl.cli.lazy import command_app
from flowctl.errors import FlowError, InvalidInput
from flowctl.views.kinds import KINDS, is_kind, kind_of, plural_of

SHELLS = ("bash", "zsh", "fish")

app = command_app()


@app.command(name="completion")
def completion(shell: Annotated[str, typer.Argument(help="bash, zsh or fish")] = "bash") -> None:
    """Print the completion script of a shell: `flowctl completion bash >> ~/.bashrc`."""
    from typer._completion_shared import get_completion_script

    if shell not in SHELLS:
        raise InvalidInput(f'no completion for "{shell}"', remedy="one of " + ", ".join(SHELLS))
    script = get_completion_script(
        prog_name="flowctl", complete_var="_FLOWCTL_COMPLETE", shell=shell
    )
    sys.stdout.write(script + "\n")


def complete_address(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a kind, then the names of its objects; `KIND/` completes to addresses."""
    words = [
        word for value in ctx.params.values() if isinstance(value, list | tuple) for word in value
    ]
    head, slash, rest = incomplete.partition("/")
    if slash and is_kind(head):
        return [f"{head}/{name}" for name in _names(kind_of(head)) if name.startswith(rest)]
    if words and is_kind(words[0]):
        return [name for name in _names(kind_of(words[0])) if name.startswith(incomplete)]
    kinds = [word for kind in KINDS for word in (kind, plural_of(kind))]
    return [word for word in kinds if word.startswith(incomplete)]


def _completer(kind: str) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [name for name in _names(kind) if name.startswith(incomplete)]

    return complete


complete_processor = _completer("processor")
complete_socket = _completer("socket")
complete_network = _completer("network")
complete_agent = _completer("agent")
complete_queue = _completer("queue")
complete_call = _completer("call")


def _names(kind: str) -> list[str]:
    from flowctl.services.control import open_control
    from flowctl.services.pages import names
    from flowctl.settings import load

    try:
        with open_control(load(), patience=1.0) as control:
            return names(control, kind)
    except FlowError:
        return []
