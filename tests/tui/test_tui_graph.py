"""The graph view: every key of it, what is staged, what is searched, and that it reads back right."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from flowctl.graph.glyphs import ASCII, UNICODE
from flowctl.graph.layout import Orient
from flowctl.graph.walk import Item, Side
from flowctl.model.ids import new_id
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Message, Outgoing
from flowctl.services import networks, processors, queues
from flowctl.tui.app import Wishes
from flowctl.tui.graphview import GraphView
from flowctl.tui.scene import DOUBLE, HEAVY
from flowctl.tui.sketch import Zoom
from tests import stores
from tests.drawings import R1
from tests.picture import Reader
from tests.screen import PLAIN, Home, Screen, shop

LIGHT = {heavy: light for table in (HEAVY, DOUBLE) for light, heavy in table.items()}


def reference() -> dict[str, Any]:
    """Return the reference graph as a recipe."""
    names = {name for arrow in R1 for name in arrow.split(">")}
    plugs: list[Any] = []
    for arrow in R1:
        source, _, target = arrow.partition(">")
        ends = {"from": f"{source}.do", "to": f"{target}.do"}
        back = {"allow_cycle": True} if arrow == "dead_letter>parse" else {}
        plugs.append(ends | back)
    return {**shop(sorted(names)), "network": "ref", "plugs": plugs}


@pytest.fixture
def ref(home: Home) -> Home:
    home.apply(reference())
    return home


def view(screen: Screen) -> GraphView:
    found = screen.deck.view
    assert isinstance(found, GraphView)
    return found


async def opened(screen: Screen, network: str = "shop") -> GraphView:
    await screen.type(f":graph {network}")
    await screen.press("enter")
    await screen.until_says(f" {network} ")
    await screen.until(lambda: view(screen).easel.cursor, "a cursor")
    return view(screen)


def play(
    home: Home,
    act: Callable[[Screen], Awaitable[None]],
    size: tuple[int, int] = (100, 30),
    wishes: Wishes = PLAIN,
) -> None:
    home.play(act, size=size, wishes=wishes)


def test_three_leads_to_the_graph_and_arrows_walk_along_the_plugs(home: Home) -> None:
    async def act(screen: Screen) -> None:
        await screen.press("3")
        await screen.until_says("shop cards  parse")
        assert "network shop graph" in screen.lines()[0]
        await screen.press("right")
        await screen.until_says("parse > store")
        await screen.press("right")
        await screen.until_says("shop cards  store")
        await screen.press("left")
        await screen.until_says("parse > store")
        await screen.press("G")
        await screen.until_says("shop cards  mail")
        await screen.press("g")
        await screen.until_says("shop cards  parse")

    play(home, act)


def test_from_a_processor_three_leads_to_its_card(home: Home) -> None:
    async def act(screen: Screen) -> None:
        await screen.press("5")
        await screen.until_says("3 processors")
        name = screen.deck.view.target().name  # type: ignore[union-attr]
        await screen.press("j", "3")
        await screen.until(lambda: screen.deck.view.word == "graph", "the graph")
        await screen.until_says("shop cards")
        assert view(screen).target().name not in ("", name)  # type: ignore[union-attr]

    play(home, act)


def test_cpus_are_staged_on_the_card_and_applied(home: Home) -> None:
    async def act(screen: Screen) -> None:
        await opened(screen)
        await screen.press("+", "+")
        assert any("2>4" in line for line in screen.lines()[2:6])
        await screen.press("escape")
        assert "2>4" not in screen.text
        await screen.press("+", "enter")
        await screen.until_says("shop/parse scaled to 3 cpus")
        assert processors.find(home.control, "shop/parse").spec.cpus == 3

    play(home, act)


def test_what_waits_on_a_plug_is_purged_from_the_graph(home: Home) -> None:
    plug = networks.topology(home.control, "shop").plugs[0]
    message = Message(id=new_id(), run_id=new_id(), body=b"1", plug=plug.name)
    queues.ensure(home.control, [plug.queue])
    home.control.broker.publish([Outgoing(queue=plug.queue, message=message)])

    async def act(screen: Screen) -> None:
        await opened(screen)
        await screen.press("right")
        await screen.until_says("1 wait")
        await screen.press("X")
        await screen.until_says("$ flowctl queue purge")
        await screen.press("y")
        await screen.until_says("1 message removed")

    play(home, act)
    assert not queues.waiting(home.control, [plug.queue])


def test_enter_goes_into_a_processor_and_escape_out(ref: Home) -> None:
    async def act(screen: Screen) -> None:
        await opened(screen, "ref")
        view(screen).easel.go(Item("merge"))
        await screen.press("enter")
        await screen.until_says("processor ref/merge graph")
        await screen.until_says("ref sockets")
        shown = {vertex.name for vertex in view(screen).easel.sketch.graph.vertices}  # type: ignore[union-attr]
        assert shown == {"merge.do", "enrich_a.do", "enrich_b.do", "score.do", "audit.do"}
        assert view(screen).target().kind == "socket"  # type: ignore[union-attr]
        await screen.press("escape")
        await screen.until_says("ref boxes")
        assert view(screen).easel.cursor == Item("merge")

    play(ref, act)


def test_zoom_goes_from_the_map_to_the_sockets(ref: Home) -> None:
    async def act(screen: Screen) -> None:
        shown = await opened(screen, "ref")
        seen = []
        for _ in range(4):
            await screen.press("left_curly_bracket")
            seen.append(shown.easel.sketch.zoom)  # type: ignore[union-attr]
        assert seen[-2:] == [Zoom.MAP, Zoom.MAP]
        assert any("\u2801" <= char <= "\u28ff" for char in screen.text)
        for wanted in (Zoom.BOXES, Zoom.CARDS, Zoom.SOCKETS):
            await screen.press("right_curly_bracket")
            assert shown.easel.sketch.zoom is wanted  # type: ignore[union-attr]
            assert shown.easel.cursor is not None
        assert "http_in.do" in screen.text

    play(ref, act)


def test_around_shows_what_is_near_and_then_all_again(ref: Home) -> None:
    async def act(screen: Screen) -> None:
        shown = await opened(screen, "ref")
        shown.easel.go(Item("score"))
        await screen.press("a")
        assert "1 around score" in screen.text
        names = {vertex.name for vertex in shown.easel.sketch.graph.vertices}  # type: ignore[union-attr]
        assert names == {"merge", "score", "sink_db", "sink_s3"}
        await screen.press("a")
        assert "2 around score" in screen.text
        await screen.press("escape")
        assert "around" not in screen.lines()[1]
        assert len(shown.easel.sketch.graph.vertices) == 11  # type: ignore[union-attr]
        assert shown.easel.cursor == Item("score")

    play(ref, act)


def test_the_picture_is_turned(ref: Home) -> None:
    async def act(screen: Screen) -> None:
        shown = await opened(screen, "ref")
        seen = []
        for _ in range(3):
            await screen.press("v")
            seen.append(shown.easel.sketch.drawing.layout.orient)  # type: ignore[union-attr]
        assert seen[:2] == [Orient.LR, Orient.TB]

    play(ref, act)


def test_problems_and_the_bottleneck_are_gone_to(ref: Home) -> None:
    plug = next(p for p in networks.topology(ref.control, "ref").plugs if "score" in p.spec.target)
    queues.ensure(ref.control, [plug.queue])
    made = [Message(id=new_id(), run_id=new_id(), body=b"1", plug=plug.name) for _ in range(5)]
    ref.control.broker.publish([Outgoing(queue=plug.queue, message=each) for each in made])

    async def act(screen: Screen) -> None:
        shown = await opened(screen, "ref")
        await screen.until_says("b score limits the flow")
        await screen.press("b")
        assert shown.easel.cursor == Item("score")
        await screen.until_says("no cpu runs, 5 wait")
        await screen.press("g", "n")
        assert shown.easel.cursor == Item("score")
        await screen.press("N")
        assert shown.easel.cursor == Item("score")

    play(ref, act)


def test_nothing_limits_and_no_problem(home: Home) -> None:
    async def act(screen: Screen) -> None:
        await opened(screen)
        await screen.press("b")
        await screen.until_says("nothing limits this flow")
        await screen.press("n")
        await screen.until_says("no problem")

    play(home, act)


def test_a_search_marks_and_goes_round(ref: Home) -> None:
    async def act(screen: Screen) -> None:
        shown = await opened(screen, "ref")
        await screen.type("/sink_")
        await screen.press("enter")
        first = shown.easel.cursor
        assert first is not None
        await screen.press("n", "n")
        assert shown.easel.cursor in shown.easel.found
        await screen.press("escape")
        assert not shown.easel.found

    play(ref, act)


def test_what_is_larger_than_the_screen_scrolls_with_the_cursor_and_has_a_map(ref: Home) -> None:
    async def act(screen: Screen) -> None:
        shown = await opened(screen, "ref")
        await screen.press("right_curly_bracket")
        assert not shown.easel.sketch.fits  # type: ignore[union-attr]
        assert "\u28ff" in screen.text
        for key in ("G", "g", "pagedown", "pageup", ")", "("):
            await screen.press({")": "right_parenthesis", "(": "left_parenthesis"}.get(key, key))
            target = shown.target()
            assert target is not None
            assert any(
                f" {target.name} " in line or target.name in line for line in screen.lines()[2:-1]
            )

    play(ref, act, size=(60, 20))


@pytest.mark.parametrize("size", [(60, 24), (80, 24), (200, 50)], ids=str)
@pytest.mark.parametrize("plain", [False, True], ids=["unicode", "ascii"])
def test_the_painted_screen_reads_back(ref: Home, size: tuple[int, int], plain: bool) -> None:
    async def act(screen: Screen) -> None:
        shown = await opened(screen, "ref")
        while not shown.easel.sketch.fits:  # type: ignore[union-attr]
            await screen.press("left_curly_bracket")
        for item in [Item("merge"), Item("merge.do-audit.do", True)]:
            if not plain:
                shown.easel.go(item)
            read_back(screen, plain)

    play(ref, act, size, Wishes(ascii=plain))


def read_back(screen: Screen, plain: bool) -> None:
    easel = view(screen).easel
    assert easel.sketch is not None
    drawing = easel.sketch.drawing
    if plain:
        easel.cursor = None
        easel.draw()
        rows = [line.text for line in easel.lines]
    else:
        rows = [line.text.translate(LIGHT) for line in easel.lines]
    margin = max(0, (easel.size.width - drawing.layout.width) // 2)
    rows = [row[margin:] for row in rows]
    lines = Reader(rows, drawing.picture, ASCII if plain else UNICODE).read()
    seen = Counter((line.source, line.target) for line in lines)
    assert seen == Counter((edge.source, edge.target) for edge in drawing.graph.edges)


def test_walking_reaches_every_card(ref: Home) -> None:
    async def act(screen: Screen) -> None:
        shown = await opened(screen, "ref")
        easel = shown.easel
        assert easel.sketch is not None
        assert easel.cursor is not None
        seen, ahead = {easel.cursor}, [easel.cursor]
        while ahead:
            here = ahead.pop()
            for side in Side:
                easel.go(here)
                if easel.walk(side) and easel.cursor not in seen:
                    seen.add(easel.cursor)
                    ahead.append(easel.cursor)
        assert {Item(v.name) for v in easel.sketch.graph.vertices} <= seen

    play(ref, act)


def test_a_new_processor_leaves_the_others_where_they_are(ref: Home) -> None:
    async def act(screen: Screen) -> None:
        shown = await opened(screen, "ref")
        before = dict(shown.easel.sketch.drawing.layout.boxes)  # type: ignore[union-attr]
        more = reference()
        more["processors"]["sink_mail"] = more["processors"]["audit"]
        more["plugs"].append("score.do -> sink_mail.do")
        ref.apply(more)
        await screen.look_again()
        after = shown.easel.sketch.drawing.layout.boxes  # type: ignore[union-attr]
        assert "sink_mail" in after
        for one in before:
            for two in before:
                if before[one].y == before[two].y and after[one].y == after[two].y:
                    assert (before[one].x < before[two].x) == (after[one].x < after[two].x)

    play(ref, act)


def test_the_path_of_a_run_follows_its_hops(home: Home) -> None:
    begun = home.clock.now() - timedelta(seconds=30)
    sent = [
        stores.finished(
            f"{number:032x}", network="shop", run_id="f" * 32, socket=f"{name}.do",
            plug=plug, status=CallStatus.FINISHED,
            sent_at=begun + timedelta(seconds=number),
            received_at=begun + timedelta(seconds=number),
            started_at=begun + timedelta(seconds=number + 0.5),
            finished_at=begun + timedelta(seconds=number + 0.75), duration=0.25,
        )
        for number, (name, plug) in enumerate([("parse", ""), ("store", "parse.do-store.do")])
    ]  # fmt: skip
    home.control.store.traffic.commit(sent)

    async def act(screen: Screen) -> None:
        await screen.type(":path call/" + "0" * 32)
        await screen.press("enter")
        await screen.until_says("2 calls, worked 500ms")
        assert "wait 500ms" in screen.text
        assert "parse  1 call, worked 250ms" in screen.text
        await screen.press("n")
        await screen.until_says("1 message, waited 500ms")
        await screen.press("n")
        await screen.until_says("store  1 call, worked 250ms")
        await screen.press("G")
        await screen.until_says("not on the way")
        assert view(screen).command().startswith("flowctl trace ffff")

    play(home, act)
