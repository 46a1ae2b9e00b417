from __future__ import annotations

from pathlib import Path

import pytest

from flowctl.errors import InvalidInput, NotFound
from flowctl.services import tasks
from flowctl.views.functions import kind, signature


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(n:\n", "line 1"),
        ("def f(n):\n    return n\n  n\n", "line 3"),
        ("return 1\ndef f(): pass\n", "line 1: 'return' outside function"),
        ("def g(n): return n\n", 'no function "f"; its functions: g'),
        ("x = 1\n", "its functions: none"),
        ("def f():\n" + "(" * 500, "line 2"),
    ],
)
def test_code_that_cannot_stand_in_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        tasks.checked(text, "f")


@pytest.mark.parametrize(
    "text", ["def f(): pass\n", "async def f(): yield 1\n", "f = len\n", "from os import *\n"]
)
def test_code_that_may_have_the_function_is_taken(text: str) -> None:
    assert tasks.checked(text, "f") == text


def test_functions_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text(
        "class C:\n    def m(self, a, b=1): yield a\ndef f(a, /, *b, c, **d): pass\nasync def g(): pass\ndef _h(): pass\n"
    )
    found = tasks.in_file(str(file))
    assert [(each.name, signature(each), kind(each)) for each in found] == [
        ("f", "a, *b, c, **d", "plain"), ("g", "", "async"),
    ]  # fmt: skip
    (method,) = tasks.in_file(f"{file}:C")
    assert (method.name, signature(method), kind(method)) == ("m", "a, [b]", "generator")
    with pytest.raises(NotFound):
        tasks.in_file(str(tmp_path / "none.py"))
    file.write_text("def f(:\n")
    with pytest.raises(InvalidInput, match=r"m.py line 1"):
        tasks.in_file(str(file))
