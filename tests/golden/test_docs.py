"""What the documents show can be read and exists: recipes, verbs of the command line, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowctl.cli.app import COMMANDS
from flowctl.cli.exits import MEANINGS
from flowctl.recipe.parse import parse

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(path for room in ("flowctl", "agentd", "schedulerd", "recipes")
          for path in (ROOT / room).rglob("README.md")),
    }
)  # fmt: skip
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`|^ {4}(\S.*)$|^\$ (.*)$", re.MULTILINE)
VERB = re.compile(r"(?:^|[|;(&]\s*)\s*flowctl((?:\s+-[\w-]+)*)\s+([a-z]+)\b")
LINK = re.compile(r"\]\(([^)#\s]+)\)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def recipes() -> list[tuple[str, str]]:
    return [
        (f"{name(page)}-{number}", text)
        for page in PAGES
        for number, (kind, text) in enumerate(FENCE.findall(page.read_text()))
        if kind == "yaml" and text.startswith("version:")
    ]


def verbs(page: Path) -> set[str]:
    lines = ("".join(groups) for groups in CODE.findall(page.read_text()))
    return {verb for line in lines for _, verb in VERB.findall(line)}


@pytest.mark.parametrize(("place", "text"), recipes(), ids=lambda it: it if "\n" not in it else "")
def test_every_recipe_that_is_shown_can_be_read(place: str, text: str) -> None:
    assert parse(text, source=place, folder="/srv").name


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_verb_that_is_named_exists(page: Path) -> None:
    assert verbs(page) - COMMANDS.keys() == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_documents_are_found_and_say_something() -> None:
    assert len(recipes()) >= 8
    assert {"up", "apply", "queue"} <= verbs(ROOT / "README.md")


def test_every_exit_code_stands_in_the_readme() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(map(int, rows)) == sorted(MEANINGS)
