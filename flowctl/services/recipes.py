"""Recipes: read, plan, apply, export. A plan holds what it was made from, so it can go stale."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from flowctl.errors import Conflict, InvalidInput, NotFound, Problem, RecipeError, TooLarge
from flowctl.model.flow import Network, NetworkSpec, PlugSpec, SocketSpec
from flowctl.model.naming import dead_queue, plug_queue, socket_queue
from flowctl.recipe.diff import Change, Changes, diff
from flowctl.recipe.renames import renames as renames_in
from flowctl.services import journal, queues, renames
from flowctl.services.control import Control

LARGEST = 16 * 1024 * 1024
"""Bytes of a file that is read at all; the parser has a smaller limit of its own."""

_ENDINGS = (".yaml", ".yml")


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe as it was read, and where."""

    spec: NetworkSpec
    source: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What applying a recipe would do, from the network as it was."""

    recipe: Recipe
    revision: int | None
    """The revision of the network that the plan starts from; None where there is no network."""
    changes: Changes
    waiting: dict[str, int]
    """Messages in the queues that the plan takes out of use; they stay there."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A plan in a file."""

    version: int
    revision: int | None
    recipe: Recipe


def read(place: str, *, stdin: bytes = b"") -> list[Recipe]:
    """Read the recipe in a file, those in a folder, or the one in `stdin` where the place is `-`.

    Raises:
        RecipeError: a recipe has problems.
        InvalidInput: there is no such file, or the folder holds none.
    """
    if place == "-":
        return [_parsed(_text(stdin, "stdin"), "stdin", Path.cwd())]
    path = Path(place)
    files = sorted(_recipes_in(path)) if path.is_dir() else [path]
    if not files:
        raise InvalidInput(f"{place} holds no recipe", remedy="a recipe ends in .yaml or .yml")
    return [_parsed(_load(file), str(file), file.absolute().parent) for file in files]


def _recipes_in(folder: Path) -> Iterator[Path]:
    return (file for file in folder.iterdir() if file.suffix in _ENDINGS and file.is_file())


def _load(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return _text(stream.read(LARGEST + 1), str(file))
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from error


def _text(content: bytes, source: str) -> str:
    if len(content) > LARGEST:
        raise TooLarge(f"{source} is larger than any recipe", remedy="split it into networks")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        problem = Problem(f"not UTF-8 text: {error.reason} at byte {error.start:,}")
        raise RecipeError((problem,), source=source) from error


def _parsed(text: str, source: str, folder: Path) -> Recipe:
    from flowctl.recipe.parse import parse

    cpus = os.cpu_count() or 1
    spec = parse(text, source=source, folder=str(folder), read=source_text, auto_cpus=cpus)
    return Recipe(spec=spec, source=source)


def from_values(values: object, source: str) -> Recipe:
    """Return the recipe that plain values describe: the same as its text does, equally checked.

    Raises:
        InvalidInput: they hold what a recipe cannot.
        RecipeError: the recipe has problems; they have paths, but no lines.
    """
    try:
        text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{source} holds what a recipe cannot: {error}") from error
    return _without_lines(text, source)


def from_spec(spec: NetworkSpec, source: str = "program") -> Recipe:
    """Return the recipe of a network that a program built, checked as a text is.

    Raises:
        RecipeError: it has problems; they have paths, but no lines.
    """
    from flowctl.recipe.dump import dump

    return _without_lines(dump(spec), source)


def _without_lines(text: str, source: str) -> Recipe:
    try:
        return _parsed(text, source, Path.cwd())
    except RecipeError as error:
        problems = tuple(replace(problem, line=0, column=0) for problem in error.problems)
        raise RecipeError(problems, source=source) from error


def text(recipe: Recipe) -> str:
    """Return the text of a recipe."""
    from flowctl.recipe.dump import dump

    return dump(recipe.spec)


def source_text(path: str) -> str | None:
    """Return the text of a module for checks of its functions; None where it cannot be read."""
    try:
        file = Path(path)
        return file.read_text() if file.stat().st_size < LARGEST else None
    except (OSError, UnicodeDecodeError):
        return None


def plan(control: Control, recipe: Recipe) -> Plan:
    """Compare a recipe with the network of its name."""
    present, revision = _present(control, recipe.spec.name)
    changes = diff(present, recipe.spec)
    return Plan(
        recipe=recipe,
        revision=revision,
        changes=changes,
        waiting=_left_behind(control, changes, recipe.spec),
    )


def _present(control: Control, name: str) -> tuple[NetworkSpec | None, int | None]:
    """Return a network and its revision; the revision first, so that a race makes us refuse."""
    try:
        revision = control.store.flows.network(name).revision
        return control.store.flows.spec(name), revision
    except NotFound:
        return None, None


def _left_behind(control: Control, changes: Changes, wanted: NetworkSpec) -> dict[str, int]:
    renamed = {f"{changes.network}.{name}" for name in renames_in(changes, wanted)}
    names = [name for change in changes.changes for name in abandoned(changes.network, change)]
    names = [name for name in names if name not in renamed]
    return queues.waiting(control, names) if names else {}


def abandoned(network: str, change: Change) -> list[str]:
    """Return the queues that nobody reads any more after a change."""
    before, after = change.before, change.after
    if isinstance(before, PlugSpec):
        old = plug_queue(network, before)
        moved = isinstance(after, PlugSpec) and after.target != before.target
        return [old] if after is None or moved else []
    if isinstance(before, SocketSpec) and after is None:
        processor, _, socket = change.name.partition(".")
        queue = socket_queue(network, processor, socket)
        return [queue, dead_queue(queue)]
    return []


def apply(control: Control, planned: Plan, action: str = "apply") -> Network:
    """Carry out a plan in one transaction, or nothing at all; `action` is what the journal calls it.

    Raises:
        Conflict: the network changed since the plan was made.
    """
    control.may_write()
    names = renames_in(planned.changes, planned.recipe.spec)
    renames.announce(control, planned.changes.network, names)
    applied = journal.on_network(
        control,
        planned.changes.network,
        action,
        f"flowctl apply {planned.recipe.source or '-'}",
        lambda: control.store.flows.apply(
            planned.changes, expect=planned.revision, recipe=planned.recipe.source
        ),
    )
    if names:
        renames.follow_soon(control)
    return applied


def save(plans: Sequence[Plan]) -> bytes:
    """Return plans as the text of a file."""
    saved = [Saved(version=1, revision=item.revision, recipe=item.recipe) for item in plans]
    return msgspec.json.format(msgspec.json.encode(saved), indent=1) + b"\n"


def reload(control: Control, content: bytes) -> list[Plan]:
    """Read saved plans and make them again from what is there now.

    Raises:
        InvalidInput: this is no saved plan.
        Conflict: a network is not as it was when the plan was made.
    """
    try:
        saved = msgspec.json.decode(content, type=list[Saved])
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"this is no saved plan: {error}") from error
    plans = []
    for old in saved:
        fresh = plan(control, old.recipe)
        if fresh.revision != old.revision:
            raise Conflict(
                f"network {old.recipe.spec.name} changed since the plan was made",
                remedy="plan again, and look at what changed",
            )
        plans.append(fresh)
    return plans


def export(control: Control, network: str) -> str:
    """Return a network as the text of its recipe."""
    from flowctl.recipe.dump import dump

    return dump(control.store.flows.spec(network))
