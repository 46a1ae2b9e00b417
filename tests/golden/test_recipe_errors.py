"""What people are told about recipes that are wrong, word by word.

Each `recipe/NAME.yaml` stands beside `NAME.txt`, the complaints about it. A text that is missing is
written, and its test fails once, so that somebody reads it before it is committed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flowctl.errors import RecipeError
from flowctl.recipe.parse import parse

FOLDER = Path(__file__).parent / "recipe"
CODE = {
    "/flows/shop/parse.py": (
        "def parse_rows(line, *, limit=3): ...\n"
        "class Parser:\n"
        "    def rows(self, line): ...\n"
        "def wide(**values): ...\n"
    )
}
TEXTS = {
    "empty": "",
    "only a comment": "# nothing\n",
    "a list": "- a\n",
    "a word": "hello",
    "a colon too many": "network: b: c",
    "a tab": "network: a\nprocessors:\n\ta: b\n",
    "an open quote": "network: 'a\nversion: 1\n",
    "two documents": "network: a\n---\nnetwork: b\n",
    "a NUL": "network: a\0\n",
    "a bell": "network: a\n# \a\n",
    "not UTF-8": b"network: a\n# \xff\n",
    "a list as key": "network: a\n? [b]\n: c\n",
    "a tag": "network: !!python/object/apply:os.system [id]\n",
    "an alias to itself": "network: a\nplugs: &p [*p]\n",
    "an unknown alias": "network: *other\n",
    "another version": "network: a\nversion: 2\n",
    "no network": "version: 1\n",
    "a network with a dot": "network: a.b\n",
    "code that is not Python": 'network: a\nprocessors: {f: {source: {code: "def f(:"}}}\n',
}


def complaints(text: str | bytes) -> str:
    with pytest.raises(RecipeError) as caught:
        parse(text, folder="/flows", read=CODE.get)
    return "".join(f"{problem}\n" for problem in caught.value.problems)


def assert_golden(name: str, found: str) -> None:
    file = FOLDER / f"{name}.txt"
    if not file.exists():
        file.write_text(found)
        pytest.fail(f"{file} was written; read it, then commit it")
    assert found == file.read_text()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_wrong_recipe_is_told_everything_at_once(file: Path) -> None:
    assert_golden(file.stem, complaints(file.read_text()))


def test_a_text_that_is_no_recipe_gets_a_sentence() -> None:
    found = "".join(f"{name}:\n  {complaints(text)}" for name, text in TEXTS.items())
    assert_golden("texts", found)
