"""Every key of a listing, of a text and of the boxes."""

from pathlib import Path

import pytest

from flowctl.services import processors
from flowctl.tui.app import Wishes
from tests import shopfloor
from tests.screen import Home, Screen


@pytest.fixture
def busy(home: Home) -> Home:
    """Two networks in the middle of their day."""
    shopfloor.fill(home.control)
    return home


def here(screen: Screen) -> str:
    target = screen.deck.view.target()
    return target.address if target else ""


async def at_processors(screen: Screen) -> None:
    await screen.press("5")
    await screen.until_says("processors")
    await screen.until(lambda: here(screen), "rows")


def test_the_cursor_moves(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_processors(screen)
        first = here(screen)
        grid = screen.deck.view.grid  # type: ignore[attr-defined]
        last = len(grid.rows) - 1
        for keys, at in (
            (("j",), 1), (("down",), 2), (("k",), 1), (("up",), 0), (("G",), last), (("g",), 0),
            (("end",), last), (("home",), 0), (("pagedown",), last), (("pageup",), 0),
            (("right_parenthesis",), last), (("left_parenthesis",), 0), (("ctrl+d",), last),
            (("ctrl+u",), 0), (("k",), 0),
        ):  # fmt: skip
            await screen.press(*keys)
            assert grid.at == at, keys
        assert here(screen) == first

    busy.play(play, size=(100, 16))


def test_rows_are_sorted_filtered_and_widened(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_processors(screen)
        await screen.press("greater_than_sign")
        assert "NAME▲" in screen.lines()[2]
        await screen.press("o")
        assert "NAME▼" in screen.lines()[2]
        assert here(screen) == "orders/enrich", "the cursor stays on its object"
        await screen.press("less_than_sign")
        assert "NAME▼" not in screen.lines()[2]
        await screen.press("w")
        assert "RETRIES" in screen.lines()[2]
        await screen.press("w", "F")
        assert "faults only" in screen.lines()[1]
        assert "enrich" not in "".join(screen.lines()[3:8])
        await screen.press("F")
        await screen.type("/mail|store")
        assert "3 of 6 processors" in screen.lines()[1]
        await screen.press("enter", "escape")
        assert screen.lines()[1].startswith(" 6 processors")

    busy.play(play, size=(160, 30))


def test_marks_are_of_what_is_seen_and_hidden_ones_are_told(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_processors(screen)
        await screen.press("space", "j", "V")
        assert "3 marked" in screen.lines()[1]
        await screen.press("U")
        assert "marked" not in screen.lines()[1]
        await screen.type("/orders")
        await screen.press("enter", "asterisk")
        assert "4 marked" in screen.lines()[1]
        await screen.press("escape")
        await screen.type("/parse")
        await screen.press("enter")
        assert "4 marked, 3 hidden" in screen.lines()[1]
        await screen.press("K")
        await screen.until_says("stop 4 processors in all networks")
        assert "3 of them you do not see" in screen.text
        await screen.press("n")
        assert "stop 4" not in screen.text

    busy.play(play, size=(120, 30))


def test_bulk_is_one_change_that_is_undone_at_once(busy: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_processors(screen)
        await screen.type("/network=orders")
        await screen.press("enter", "asterisk", "P")
        await screen.until_says("pause 4 processors")
        await screen.press("y")

        def wanted() -> set[str]:
            found = processors.listed(busy.control, "orders")
            return {str(each.requested_status) for each in found}

        await screen.until(lambda: wanted() == {"paused"}, "all are paused")
        await screen.until_says("orders/store paused")
        await screen.press("z")
        await screen.until(lambda: wanted() == {"running"}, "all run again")
        await screen.until_says("undone")
        await screen.press("Z")
        await screen.until(lambda: wanted() == {"paused"}, "all are paused again")

    busy.play(play, size=(120, 30))


def test_scaling_to_nothing_asks_and_escape_drops(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_processors(screen)
        await screen.press("minus", "escape")
        assert "2>1" not in screen.text
        await screen.press("minus", "minus", "minus")
        assert "2>0" in screen.text
        await screen.press("enter")
        await screen.until_says("scale 1 processor")
        await screen.press("y")
        await screen.until_says("scaled to 0 cpus")
        await screen.press("S")
        await screen.type("+3")
        await screen.press("enter")
        await screen.until_says("scaled to 3 cpus")

    home.play(play)


def test_what_is_severe_wants_the_name(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_processors(screen)
        await screen.press("D", "y", "enter")
        assert len(processors.listed(home.control, "shop")) == 3
        await screen.press("D")
        await screen.type("mail")
        await screen.press("enter")
        await screen.until_says("processor shop/mail deleted")

    home.play(play)


def test_history_goes_back_forward_and_to_the_last(home: Home) -> None:
    async def play(screen: Screen) -> None:
        def word() -> str:
            return screen.deck.view.word

        await screen.press("5", "4")
        assert word() == "queues"
        for key, wanted in (
            ("[", "processors"), ("[", "flows"), ("]", "processors"), ("`", "flows"),
            ("`", "processors"), ("2", "flows"),
        ):  # fmt: skip
            name = {"[": "left_square_bracket", "]": "right_square_bracket", "`": "grave_accent"}
            await screen.press(name.get(key, key))
            await screen.until(lambda wanted=wanted: word() == wanted, wanted)  # type: ignore[misc]

    home.play(play)


def test_an_object_is_described_and_its_text_searched(home: Home, tmp_path: Path) -> None:
    async def play(screen: Screen) -> None:
        await at_processors(screen)
        await screen.press("j", "d")
        await screen.until_says("requested status")
        assert "processor shop/parse describe" in screen.lines()[0]
        await screen.type("/queue")
        await screen.press("enter", "n", "N", "ampersand")
        assert "only what matches" in screen.lines()[1]
        await screen.press("escape", "w", "right", "left", "G", "g")
        await screen.press("W")
        for _ in range(60):
            await screen.press("backspace")
        assert screen.deck.prompt.question is None
        await screen.press("+", "enter")
        await screen.until_says("shop/parse scaled to 3 cpus")
        await screen.press("y")
        await screen.until_says("kind: processor")
        await screen.press("Y")
        await screen.until_says("copied: flowctl show processor shop/parse -o yaml")
        copied = home.settings.paths.cache / "copied"
        assert copied.read_text() == "flowctl show processor shop/parse -o yaml"
        await screen.press("c")
        await screen.until_says("lines")
        await screen.press("escape", "escape")
        await screen.until_says("3 processors")
        assert here(screen) == "shop/parse", "one comes back to where one was"

    home.play(play, size=(120, 20))


def test_boxes_open_scroll_and_close(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("question_mark")
        await screen.until_says("Keys in flows")
        await screen.press("j", "pagedown", "k", "escape")
        await screen.press("semicolon")
        await screen.type("processors")
        await screen.press("down", "up", "enter")
        await screen.until(lambda: screen.deck.view.word == "processors", "the view")
        await screen.press("0")
        await screen.type("sockets")
        await screen.press("enter")
        await screen.until_says("3 sockets")
        await screen.press("at")
        await screen.until_says("> ")
        await screen.until_says("shop")
        await screen.type("shop")
        await screen.press("enter")
        await screen.until(lambda: screen.deck.network == "shop", "the network")
        await screen.press("H")
        await screen.until_says("Messages")
        await screen.press("escape", "f")
        assert "flowctl" not in screen.lines()[0]
        await screen.press("f", "r")
        assert "flowctl" in screen.lines()[0]
        await screen.press("q")
        await screen.until_says("Leave the cockpit?")
        await screen.press("y")

    home.play(play)


def test_ctrl_c_twice_leaves(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("ctrl+c")
        await screen.until_says("Ctrl-C again to leave")
        await screen.press("ctrl+c")
        await screen.until(lambda: screen.app._exit, "the end")

    home.play(play)


def test_the_mouse_may_be_used(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await at_processors(screen)
        await screen.pilot.click(offset=(5, 4))
        assert here(screen) == "shop/parse"
        await screen.pilot.double_click(offset=(5, 5))
        await screen.until(lambda: screen.deck.view.word == "workers", "it opened")

    home.play(play)


def test_a_theme_is_put_on(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.type(":theme light")
        await screen.press("enter")
        await screen.until(lambda: screen.app.look.name == "light", "the theme")
        await screen.type(":theme pink")
        await screen.press("enter")
        await screen.until_says('there is no theme "pink"')

    home.play(play, wishes=Wishes(theme="dark"))
