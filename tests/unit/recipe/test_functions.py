"""What the text of a module shows of its functions."""

from __future__ import annotations

import pytest

from flowctl.recipe.functions import SyntaxProblem, classes, functions, has_class

CODE = '''
import json
from os.path import *
from math import floor as down

LIMIT = 3
a, (b, *c) = 1, (2, 3)


@retry(times=3)
def decorated(x):
    return x


def whole(first, /, second, third=3, *rest, only, other=1, plugs=None, **more) -> int:
    """Do it all.

    And more.
    """
    return 1


async def stream(rows: list[int]):
    yield rows


def nested():
    def inner():
        yield 1
    return lambda: (yield)


if LIMIT:
    def branch(): ...
else:
    try:
        def branch(x): ...
    except* ValueError:
        def handler(): ...


class Parser(Base):
    def __init__(self, x): ...
    def rows(self, line, /, limit=1): ...
    @staticmethod
    def free(x): ...
    @classmethod
    def made(cls, y): ...
    @property
    def size(self): ...
'''


def kinds(name: str, cls: str = "") -> list[tuple[str, str, bool]]:
    found = functions(CODE, cls).find(name)
    assert found
    return [(a.name, a.kind, a.has_default) for a in found.arguments]


def test_every_kind_of_parameter_is_told_apart() -> None:
    assert kinds("whole") == [
        ("first", "POSITIONAL_ONLY", False),
        ("second", "POSITIONAL_OR_KEYWORD", False),
        ("third", "POSITIONAL_OR_KEYWORD", True),
        ("rest", "VAR_POSITIONAL", False),
        ("only", "KEYWORD_ONLY", False),
        ("other", "KEYWORD_ONLY", True),
        ("plugs", "KEYWORD_ONLY", True),
        ("more", "VAR_KEYWORD", False),
    ]


def test_a_join_waits_for_positional_parameters_without_default() -> None:
    found = functions(CODE).find("whole")
    assert found
    assert found.needs() == ("first", "second")
    assert found.names() == ("first", "second", "third", "only", "other")
    assert found.takes("anything")


def test_positions_count_from_zero() -> None:
    found = functions(CODE).find("whole")
    assert found
    assert [a.position for a in found.arguments] == list(range(8))


def test_the_text_of_a_function_holds_its_decorators() -> None:
    found = functions(CODE).find("decorated")
    assert found
    assert found.source == "@retry(times=3)\ndef decorated(x):\n    return x\n"
    assert found.is_decorated
    assert found.takes("whatever")


def test_docs_and_natures_are_told() -> None:
    module = functions(CODE)
    whole, stream, nested = (module.find(name) for name in ("whole", "stream", "nested"))
    assert whole and stream and nested  # noqa: PT018
    assert whole.doc == "Do it all."
    assert (stream.is_async, stream.is_generator) == (True, True)
    assert (nested.is_async, nested.is_generator) == (False, False)


def test_functions_in_branches_are_found_and_the_last_one_wins() -> None:
    module = functions(CODE)
    assert kinds("branch") == [("x", "POSITIONAL_OR_KEYWORD", False)]
    assert module.find("handler")
    assert not module.find("inner")


def test_other_names_are_known_but_not_judged() -> None:
    module = functions("import json\nfrom math import floor as down\na, (b, *c) = 1, (2, 3)\n")
    assert module.others == {"json", "down", "a", "b", "c"}
    assert module.may_have("down")
    assert not module.may_have("floor")


@pytest.mark.parametrize("code", ["from x import *", "def __getattr__(name): ..."])
def test_an_open_module_may_have_any_name(code: str) -> None:
    assert functions(code).may_have("anything")


def test_methods_of_a_class_come_without_self() -> None:
    module = functions(CODE, "Parser")
    assert [f.name for f in module.functions] == ["rows", "free", "made", "size"]
    assert kinds("rows", "Parser")[0] == ("line", "POSITIONAL_ONLY", False)
    assert [a[0] for a in kinds("free", "Parser")] == ["x"]
    assert [a[0] for a in kinds("made", "Parser")] == ["y"]


def test_a_class_with_bases_may_have_more_methods() -> None:
    assert functions(CODE, "Parser").may_have("inherited")
    assert not functions("class A:\n def f(self): ...", "A").may_have("g")


def test_classes_are_found() -> None:
    assert classes(CODE) == ("Parser",)
    assert has_class(CODE, "Parser")
    assert has_class("from x import Parser", "Parser")
    assert not has_class("class A: ...", "B")
    assert functions("class A: ...", "B").functions == ()


@pytest.mark.parametrize("code", ["def f(:", "(" * 5000, "x = '\0'", "-" * 100_000 + "1"])
def test_a_text_that_is_not_python_is_told(code: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        functions(code)
    assert caught.value.reason


def test_strange_escapes_are_no_warning() -> None:
    assert functions("def f(): return '\\d'").find("f")
