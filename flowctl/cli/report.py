"""How errors are told: what happened, what to do; as JSON where the answer would have been JSON."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from typer._click.exceptions import ClickException, UsageError

from flowctl.cli import exits
from flowctl.cli.flags import wants_json
from flowctl.errors import FlowError, NotFound, Problem, RecipeError
from flowctl.settings import find_paths


def report_error(error: FlowError, words: Sequence[str]) -> int:
    """Tell an error that was raised on purpose; return the exit code."""
    code = exits.code_of(error)
    if "--debug" in words:
        traceback.print_exception(error)
    details: dict[str, Any] = {}
    lines: list[str] = []
    if isinstance(error, NotFound):
        details = {"object": f"{error.kind}/{error.name}", "near": error.near}
    if isinstance(error, RecipeError):
        details = {"problems": [_problem(problem) for problem in error.problems]}
        lines = [_line(error.source, problem) for problem in error.problems]
    _tell(type(error).__name__, code, error.message, error.remedy, words, details, lines)
    return code


def report_usage(error: ClickException, words: Sequence[str]) -> int:
    """Tell what is wrong with the command line; return the exit code."""
    ctx = error.ctx if isinstance(error, UsageError) else None
    path = ctx.command_path if ctx else "flowctl"
    message = error.format_message().rstrip(".")
    _tell("Usage", exits.USAGE, message, f"{path} --help", words, {}, [])
    return exits.USAGE


def report_crash(error: Exception, words: Sequence[str]) -> int:
    """Tell a fault of flowctl itself; the stack goes to the log unless it was asked for."""
    text = "".join(traceback.format_exception(error))
    if "--debug" in words:
        sys.stderr.write(text)
        remedy = ""
    else:
        file = _keep(text)
        remedy = f"read the stack in {file}" if file else "add --debug for the stack"
    sentence = f"flowctl itself failed: {type(error).__name__}: {error}"
    _tell("Internal", exits.FAILED, sentence, remedy, words, {}, [])
    return exits.FAILED


def _tell(
    kind: str,
    code: int,
    message: str,
    remedy: str,
    words: Sequence[str],
    details: dict[str, Any],
    lines: list[str],
) -> None:
    if wants_json(words):
        body = {"code": code, "kind": kind, "message": message, "hint": remedy, **details}
        text = json.dumps({"error": body}, ensure_ascii=False)
    else:
        text = "\n".join([f"error: {message}", *lines, *([f"try: {remedy}"] if remedy else [])])
    sys.stderr.write(text + "\n")


def _line(source: str, problem: Problem) -> str:
    """Return a complaint behind its place, as editors read it: `file:line:column: words`."""
    return f"{source}:{problem}" if problem.line else f"{source}: {problem}"


def _problem(problem: Any) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.remedy,
    }


def _keep(text: str) -> str:
    """Append a stack to the log of the command line and return the file; empty if it cannot be."""
    file = find_paths(os.environ).logs / "flowctl.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with file.open("a") as log:
            log.write(text)
    except OSError:
        return ""
    return str(file)
