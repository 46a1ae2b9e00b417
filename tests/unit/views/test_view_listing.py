"""Listings: identity, order, room, and where the cursor goes."""

from flowctl.views.filters import parse
from flowctl.views.lines import Line, Span, changes, line
from flowctl.views.listing import (
    Board,
    Order,
    arrange,
    board,
    cut,
    fit,
    follow,
    next_order,
    widths,
)
from flowctl.views.table import Column, Table
from flowctl.views.tones import Tone

COLUMNS = (
    Column("NAME", key="name"), Column("NETWORK", key="network"), Column("CPUS", right=True, key="cpus"),
    Column("WIDE", wide=True, key="more"), Column("ERROR", key="error"),
)  # fmt: skip


def made(*rows: tuple[str, str, int | None, str]) -> Board:
    items = tuple(
        {"name": name, "network": network, "cpus": cpus, "more": "x", "error": error}
        for name, network, cpus, error in rows
    )
    texts = tuple((n, w, str(c), "x", e or "-") for n, w, c, e in rows)
    return board(Table("processors", COLUMNS, texts, items, tuple(row[0] for row in rows)))


def test_rows_of_the_same_name_are_not_the_same() -> None:
    found = made(("parse", "a", 1, ""), ("parse", "b", 1, ""), ("parse", "b", 1, ""))
    assert [row.key for row in found.rows] == ["a/parse", "b/parse", "b/parse#2"]


def test_what_was_recorded_moves_no_cursor() -> None:
    found = made(("par\x1b[2Jse", "a", 1, "line\nline"))
    assert found.rows[0].cells[0] == "par·[2Jse"
    assert found.rows[0].cells[4] == "line·line"


def test_order_is_by_value_and_what_has_none_comes_last() -> None:
    whole = made(("a", "x", 9, ""), ("b", "x", 10, ""), ("c", "x", None, ""), ("d", "x", 1, ""))
    assert [row.name for row in arrange(whole, order=Order("cpus"))] == ["d", "a", "b", "c"]
    assert [row.name for row in arrange(whole, order=Order("cpus", True))] == ["b", "a", "d", "c"]
    assert [row.name for row in arrange(whole, parse("a|d"))] == ["a", "d"]


def test_faults_are_what_says_so() -> None:
    whole = made(("a", "x", 1, ""), ("b", "x", 1, "no module"))
    assert [row.name for row in arrange(whole, faults=True)] == ["b"]


def test_sorting_goes_round_the_columns_and_numbers_begin_with_the_greatest() -> None:
    assert next_order(COLUMNS, Order(), 1) == Order("name")
    assert next_order(COLUMNS, Order("network"), 1) == Order("cpus", reverse=True)
    assert next_order(COLUMNS, Order("name"), -1) == Order()


def test_columns_with_nothing_to_say_go_first_and_trouble_last() -> None:
    quiet, loud = made(("a" * 20, "net", 1, "")), made(("a" * 20, "net", 1, "it broke badly"))

    def titles(whole: Board, width: int) -> list[str]:
        slots = fit(whole, widths(whole, whole.rows, {}), width)
        assert all(slot.x + slot.width <= width for slot in slots)
        return [whole.columns[slot.index].title for slot in slots]

    assert titles(quiet, 80) == ["NAME", "NETWORK", "CPUS", "ERROR"]
    assert titles(quiet, 40) == ["NAME", "NETWORK", "CPUS"]
    assert titles(loud, 40) == ["NAME", "ERROR"]
    assert titles(loud, 12) == ["NAME"]


def test_widths_never_shrink() -> None:
    long, short = made(("a-long-name", "x", 1, "")), made(("a", "x", 1, ""))
    floor = widths(long, long.rows, {})
    assert widths(short, short.rows, floor)["NAME"] == len("a-long-name")


def test_names_lose_their_middle_and_sentences_their_end() -> None:
    assert cut("shop.parse.rows", 9, "name") == "shop…rows"
    assert cut("it broke badly", 8, "error") == "it brok…"
    assert [cut("abc", size, "name") for size in (0, 1, 2, 3)] == ["", "…", "a…", "abc"]


def test_the_cursor_stays_on_its_object_or_goes_to_the_nearest() -> None:
    assert follow(["a", "b", "c"], "b", ["x", "a", "b"]) == 2
    assert follow(["a", "b", "c"], "b", ["x", "a", "c"]) == 2
    assert follow(["a", "b", "c"], "c", ["x", "a", "b"]) == 2
    assert follow([], "", ["a"]) == 0
    assert follow(["a"], "a", []) == 0


def test_only_changed_cells_are_named() -> None:
    old = [line("parse  ", ("running", Tone.GOOD), "  12"), line("same")]
    new = [line("parse  ", ("running", Tone.GOOD), "  14"), line("same"), line("new")]
    assert list(changes(old, new)) == [(0, 17, 1), (2, 0, 3)]
    tone = [line("parse  ", ("running", Tone.BAD), "  12"), line("same")]
    assert list(changes(old, tone)) == [(0, 7, 7)]
    over = [Line(old[0].spans, "cursor"), old[1]]
    assert list(changes(old, over)) == [(0, 0, -1)]
    shorter = [Line((Span("parse"),)), old[1]]
    assert list(changes(old, shorter)) == [(0, 7, 11)]
