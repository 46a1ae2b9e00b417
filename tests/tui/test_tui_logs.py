"""Logs on the screen: merged, followed, searched with what stands around, and never a freeze."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from flowctl.services.logs import Filter
from flowctl.services.tails import MOST_LINES, Tail
from tests.screen import Home, Screen


def record(home: Home, number: int, level: str = "info", text: str = "") -> str:
    at = (home.clock.now() - timedelta(hours=1) + timedelta(milliseconds=number)).isoformat()
    said = text or f"line {number}"
    return json.dumps({"at": at, "level": level, "logger": "x", "message": said}) + "\n"


def write(home: Home, name: str, *lines: str) -> Path:
    file = home.settings.paths.logs / f"{name}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as stream:
        stream.write("".join(lines))
    return file


@pytest.fixture
def talk(home: Home) -> Home:
    """Two daemons and a worker that said something."""
    numbers = range(0, 200, 2)
    write(home, "agentd-h1", *(record(home, n) for n in numbers))
    write(home, "workers/h1.shop.parse.worker.1", *(record(home, n + 1) for n in numbers))
    write(
        home, "schedulerd",
        record(home, 500, "warning", "agent h2 is suspect"),
        record(home, 501, "error", 'cannot place {"processor": "mail", "cpus": 2}'),
    )  # fmt: skip
    return home


def test_all_logs_are_merged_by_time_and_followed(talk: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("7")
        await screen.until_says("cannot place")
        at = [screen.text.index(f"line {n}") for n in (196, 197, 198, 199)]
        assert at == sorted(at)
        assert "following" in screen.text
        assert "live  0 dropped" in screen.text
        write(talk, "schedulerd", record(talk, 600, "info", "all is well again"))
        await screen.until_says("all is well again")

    talk.play(play)


def test_scrolling_up_holds_the_place_and_says_what_came(talk: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("7")
        await screen.until_says("cannot place")
        await screen.press("pageup")
        before = screen.lines()[2]
        write(talk, "schedulerd", *(record(talk, 600 + n, text=f"more {n}") for n in range(3)))
        await screen.until_says("standing still, 3 new below")
        assert screen.lines()[2] == before
        await screen.press("G")
        await screen.until_says("more 2")
        assert "following" in screen.text
        await screen.press("s")
        await screen.until_says("standing still")
        await screen.press("g")
        await screen.until_says("line 0")
        await screen.press("s", "j", "k", "space", "left", "right", "p")
        await screen.until_says("line 0")

    talk.play(play)


def test_a_search_keeps_what_stands_around_and_can_leave_it_out(talk: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("7")
        await screen.until_says("cannot place")
        await screen.press("/", *"line", "space", *"100", "enter")
        await screen.until_says("1 line")
        await screen.press("n")
        await screen.until_says("line 100")
        assert "line 99" in screen.text
        await screen.press("ampersand")
        await screen.until_says("1 line only")
        assert "line 99" not in screen.text
        await screen.press("ampersand")
        await screen.until_says("with 3 around")
        assert "line 97" in screen.text
        assert "line 96" not in screen.text
        await screen.press("ampersand", "N")
        await screen.until_says("line 110")
        await screen.press("escape")
        await screen.until_gone("/line 100")
        await screen.press("n")
        await screen.until_says("nothing matches")
        await screen.press("ampersand")
        await screen.until_says("type / to search first")

    talk.play(play)


def test_levels_times_json_wrapping_and_marks(talk: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("7")
        await screen.until_says("cannot place")
        await screen.press("v", "v")
        await screen.until_says("warning and worse")
        assert "line 199" not in screen.text
        await screen.press("v")
        await screen.until_gone("is suspect")
        await screen.press("v")
        await screen.until_says("line 199")
        await screen.press("t")
        await screen.until_says("2026-03-29 11:00:00.624")
        await screen.press("t")
        await screen.until_gone("11:00:00")
        await screen.press("t", "J")
        await screen.until_says('"processor": "mail",')
        await screen.press("J", "w", "m")
        await screen.until_says("── 12:00:00 ──")
        await screen.press("E")
        await screen.until_gone("line 199")

    talk.play(play)


def test_since_is_chosen_and_what_is_seen_is_copied_and_saved(talk: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("7")
        await screen.until_says("cannot place")
        await screen.press("v", "v", "c")
        await screen.until_says("copied: 2 lines")
        await screen.press("W")
        await screen.press("ctrl+u")
        target = talk.folder / "saved.txt"
        screen.deck.prompt.paste(str(target))
        await screen.press("enter")
        await screen.until_says("saved to")
        assert "is suspect" in target.read_text()
        await screen.press("v", "v", "apostrophe", *"15m", "enter")
        await screen.until_says("since 15m")
        await screen.until_gone("line 199")
        assert screen.deck.view.command() == "flowctl logs -f --since 15m"

    talk.play(play)


def test_logs_of_one_object(talk: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("5")
        await screen.until_says("3 processors")
        await screen.press("j", "l")
        await screen.until_says("processor shop/parse")
        await screen.until_says("line 199")
        assert "line 198" not in screen.text
        await screen.press("escape")
        await screen.until_says("3 processors")
        screen.deck.runner.run("logs proc/shop/parse")
        await screen.until_says("line 199")
        assert "line 198" not in screen.text

    talk.play(play)


def test_a_flood_is_dropped_and_counted_and_keys_still_work(talk: Home) -> None:
    lines = [record(talk, 1000 + n, text=f"flood {n} {'x' * 60}") for n in range(20_000)]

    async def play(screen: Screen) -> None:
        await screen.press("7")
        await screen.until_says("cannot place")
        file = write(talk, "agentd-h1", *lines)
        await screen.until_says("flood 19999")
        left = screen.deck.view.dropped  # type: ignore[attr-defined]
        assert left >= 20_000 - MOST_LINES
        assert f"{left:,} dropped" in screen.text
        for _ in range(3):
            write(talk, file.stem, *lines)
            await screen.press("pageup", "G")
        await screen.until(lambda: screen.deck.view.dropped >= 4 * (20_000 - MOST_LINES), "counted")  # type: ignore[attr-defined]

    talk.play(play)


def test_old_news_say_how_old_they_are(talk: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("7")
        await screen.until_says("live")
        screen.deck.view._feed.stop()  # type: ignore[union-attr]
        screen.clock.pass_by(7)
        screen.deck.tick()
        await screen.until_says("7s behind")

    talk.play(play)


def test_a_tail_counts_every_line_once_and_leaves_half_a_line(home: Home) -> None:
    tail = Tail(Filter())
    file = write(home, "agentd-h1", record(home, 1))
    assert [line.text for line in tail.poll(home.control).lines] == ["line 1"]
    with file.open("a") as stream:
        stream.write(record(home, 2) + '{"at": "2026')
    assert [line.text for line in tail.poll(home.control).lines] == ["line 2"]
    file.write_text(record(home, 3))
    assert [line.text for line in tail.poll(home.control).lines] == ["line 3"]
    big = "".join(record(home, n, text="y" * 500) for n in range(10_000))
    with file.open("a") as stream:
        stream.write(big)
    piece = tail.poll(home.control)
    assert piece.came == 10_000
    assert len(piece.lines) + piece.dropped == 10_000
