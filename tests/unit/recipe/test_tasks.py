"""Functions and arguments that the code does not have."""

from __future__ import annotations

import pytest

from flowctl.errors import RecipeError
from flowctl.model.flow import Source, SourceKind
from flowctl.recipe.parse import parse
from flowctl.recipe.tasks import module_files, text_of

TWO = (
    "network: n\nprocessors:\n  a:\n    source: {SOURCE}\n    sockets: {x: TASK, z: save}\n"
    "plugs: [{from: a.z, to: a.x, argument: ARGUMENT}]\n"
)
INLINE = "code: 'def save(item, *rest, plugs=None): ...'"


def problems(
    source: str, task: str, argument: str, files: dict[str, str] | None = None
) -> list[str]:
    text = TWO.replace("SOURCE", source).replace("TASK", task).replace("ARGUMENT", argument)
    try:
        parse(text, folder="/f", read=None if files is None else files.get)
    except RecipeError as error:
        return [str(problem).partition(": ")[2] for problem in error.problems]
    return []


def test_what_is_there_is_fine() -> None:
    assert problems(INLINE, "save", "item") == []


def test_an_unknown_function_is_told_with_the_nearest() -> None:
    assert problems(INLINE, "safe", "item") == [
        'processors.a.sockets.x.task: there is no function "safe" in the code (did you mean "save"?)'
    ]


def test_an_unknown_argument_is_told_with_the_nearest() -> None:
    assert problems(INLINE, "save", "itms") == [
        'plugs[0].argument: save has no argument "itms" (did you mean "item"?)'
    ]


@pytest.mark.parametrize("argument", ["rest", "plugs"])
def test_some_parameters_cannot_be_fed(argument: str) -> None:
    assert len(problems(INLINE, "save", argument)) == 1


def test_files_are_read_through_the_reader() -> None:
    source = "path: lib, module: shop.parse"
    init = {"/f/lib/shop/parse/__init__.py": "def save(item): ..."}
    assert problems(source, "save", "item", init) == []
    assert len(problems(source, "safe", "item", init)) == 1


def test_what_is_not_at_hand_is_not_judged() -> None:
    source = "path: lib, module: shop.parse"
    assert problems(source, "anything", "item") == []
    assert problems(source, "anything", "item", {}) == []
    assert problems("git: https://x.org/y, module: z", "anything", "item", {}) == []


def test_a_file_that_is_not_python_is_told_with_its_line() -> None:
    files = {"/f/m.py": "\ndef f(:"}
    (problem,) = problems("path: ., module: m", "save", "item", files)
    assert "/f/m.py line 2" in problem


def test_a_module_is_a_file_or_a_folder() -> None:
    source = Source(kind=SourceKind.PATH, path="/x", module="a.b:C")
    assert module_files(source) == ("/x/a/b.py", "/x/a/b/__init__.py")
    assert text_of(source, {"/x/a/b.py": "pass"}.get) == ("pass", "/x/a/b.py")
    assert text_of(source, None) is None
