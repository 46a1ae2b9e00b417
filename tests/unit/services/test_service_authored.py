"""A class of a module becomes a recipe, with the same complaints as its text."""

import textwrap
from pathlib import Path

import pytest

from flowctl.errors import InvalidInput, RecipeError
from flowctl.services import authored, recipes

SHOP = """
from flowctl.authoring import network, plug, processor, socket

@processor
class Store:
    @socket
    def save(self, price):
        return price

@processor({options})
class Price:
    @plug({target})
    @socket
    def total(self, prices):
        return sum(prices)

@network
class Shop:
    price = Price
    store = Store
"""


def write(folder: Path, name: str, options: str = "", target: str = "Store.save") -> None:
    text = SHOP.format(options=options, target=target)
    (folder / f"{name}.py").write_text(textwrap.dedent(text))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_text_of_it_is_read_as_the_same(here: Path) -> None:
    write(here, "authored_plain", "cpus=2, timeout='30s', rate='5/s', retry={'max': 3}")
    found = authored.load("authored_plain:Shop")
    (here / "shop.yaml").write_text(recipes.text(found))
    assert recipes.read("shop.yaml")[0].spec == found.spec
    price, store = found.spec.processors
    assert (price.cpus, price.timeout, price.retry.max) == (2, 30.0, 3)
    assert store.source.path == str(here)
    assert recipes.from_spec(found.spec).spec == found.spec


def test_complaints_have_the_path_of_the_recipe_and_no_line(here: Path) -> None:
    write(here, "authored_wrong", "cpu=2, timeout='soon'", "'store.sav'")
    with pytest.raises(RecipeError) as caught:
        authored.load("authored_wrong:Shop")
    assert caught.value.source == "authored_wrong:Shop"
    said = [str(problem) for problem in caught.value.problems]
    assert any(text.startswith('processors.price.cpu: unknown key "cpu"') for text in said), said
    assert any('no socket "store.sav" (did you mean "store.save"?)' in text for text in said), said
    assert any(text.startswith("processors.price.timeout: ") for text in said), said


def test_values_that_a_recipe_cannot_hold_are_refused(here: Path) -> None:
    write(here, "authored_odd", "env={'A': object()}")
    with pytest.raises(InvalidInput, match="holds what a recipe cannot"):
        authored.load("authored_odd:Shop")


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("authored_any", "names no class"),
        (":Shop", "names no class"),
        ("authored_any:Shpo", r'no class "Shpo" \(did you mean "Shop"\?\)'),
        ("authored_none:Shop", "cannot import authored_none: ModuleNotFoundError"),
        ("authored_exits:Shop", "cannot import authored_exits: SystemExit: 3"),
        ("authored_broken:Shop", "cannot import authored_broken: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_found_says_why(here: Path, place: str, complaint: str) -> None:
    write(here, "authored_any")
    (here / "authored_exits.py").write_text("raise SystemExit(3)")
    (here / "authored_broken.py").write_text("1 / 0")
    with pytest.raises(InvalidInput, match=complaint):
        authored.load(place)
