"""Canvases in both databases: what follows from outcomes, whoever commits them and how often."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from flowctl.model.canvas import Node, place_id
from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Outgoing
from flowctl.model.work import CallFilter
from flowctl.state.store import Store
from tests.canvases import (
    BAD,
    broken,
    done,
    expected,
    funnel,
    launched,
    parallel,
    pipeline,
    play,
    segment,
    step,
    value_of,
)
from tests.stores import outgoing

NESTED = pipeline(
    step("a.mark"),
    parallel(step("b.mark"), pipeline(step("a.mark"), parallel()), pipeline()),
    funnel(step("a.mark"), parallel(step("b.mark"), step("b.mark")), final=step("c.list")),
    segment(pipeline(step("b.mark"), parallel(step("a.mark"), step("a.mark"))), 2),
    parallel(parallel(step("d.size")), funnel(final=step("e.null"))),
)
TREES: dict[str, Node] = {
    "nested": NESTED,
    "empty pipeline": pipeline(),
    "empty parallel": parallel(),
    "empty funnel": funnel(final=step("a.mark")),
    "empties in a row": pipeline(parallel(), segment(step(), 3), pipeline(), parallel(parallel())),
    "deep": pipeline(*[step("d.size")] * 100),
    "nest": pipeline(pipeline(pipeline(step()), parallel(parallel(parallel(step()))))),
}


def starts(store: Store, program: Node, value: object = 5, **canvas: object) -> list[Outgoing]:
    return list(store.traffic.conclude([launched(program, value, **canvas)])["root"])


def conclude(store: Store, *batch: object) -> list[Outgoing]:
    found = store.traffic.conclude(list(batch))  # type: ignore[arg-type]
    return [each for more in found.values() for each in more]


def rows(store: Store) -> dict[str, int]:
    """How many rows the tables of canvases hold."""
    tables = ("canvas", "canvas_node", "canvas_slot", "canvas_failure")
    return {name: len(store.dump()[name]) for name in tables}


@pytest.mark.parametrize("name", TREES)
def test_a_canvas_comes_to_what_plain_functions_would(store: Store, name: str) -> None:
    ran = play(store, launched(TREES[name], 5), seed=1)
    assert value_of(store) == expected(TREES[name], 5)
    assert max(Counter(ran).values(), default=1) == 1
    assert set(rows(store).values()) == {0}
    calls = store.traffic.run("run")
    assert {each.status for each in calls} == {CallStatus.FINISHED}
    assert store.traffic.run_count("run").is_quiet(1)


def test_the_tree_of_calls_is_the_tree_of_patterns(store: Store) -> None:
    play(store, launched(pipeline(step("a.mark"), parallel(step("a.mark"), step("b.mark"))), 5))
    calls = {each.id: each for each in store.traffic.run("run")}
    inner = calls[place_id(CallId("root"), (1,))]
    assert (inner.socket, inner.parent, inner.outputs) == ("parallel", "root", 2)
    below = sorted(each.socket for each in calls.values() if each.parent == inner.id)
    assert below == ["a.mark", "b.mark"]
    assert calls[CallId("root")].outputs == 2


def test_who_launches_twice_launches_once(store: Store) -> None:
    first = starts(store, NESTED)
    again = starts(store, NESTED)
    assert [each.message.id for each in first] == [each.message.id for each in again]
    store.traffic.sent(first)
    assert starts(store, NESTED) == []


def test_a_canvas_that_ended_does_not_begin_again(store: Store) -> None:
    play(store, launched(pipeline(step("a.mark")), 5))
    assert store.traffic.conclude([launched(pipeline(step("b.mark")), 5)]) == {}
    assert value_of(store) == ["a", 5]


def test_a_lost_answer_is_given_again(store: Store) -> None:
    """The same batch commits twice where the answer of the first commit was lost."""
    (first,) = starts(store, pipeline(step("a.mark"), step("b.mark")))
    item = done(first)
    assert store.traffic.conclude([item]) == store.traffic.conclude([item]) != {}
    (second,) = store.traffic.finished([item.call.id])[item.call.id].outgoing
    assert conclude(store, done(second)) == []
    assert value_of(store) == ["b", ["a", 5]]


def test_what_a_step_sends_itself_is_not_sent_twice(store: Store) -> None:
    """A retry and a dead letter are outputs of the step, which its worker sends anyway."""
    (first,) = starts(store, pipeline(step("a.mark")))
    again = done(first, status=CallStatus.RETRYING)
    again.outgoing, again.result = (outgoing(first.message.id, attempt=2),), None
    assert conclude(store, again) == []
    assert conclude(store, again) == []
    store.traffic.sent(again.outgoing)
    dead = broken(first)
    dead.outgoing = (outgoing(first.message.id, "shop.a.mark.dead", reason="it failed"),)
    assert conclude(store, dead) == []
    assert conclude(store, dead) == []


def test_a_wide_funnel_whose_branches_end_at_the_same_time(store: Store) -> None:
    branches = starts(store, funnel(*[step("a.mark")] * 60, final=step("d.size")))
    turns = count()

    def finish(branch: Outgoing) -> list[Outgoing]:
        next(turns)
        return conclude(store, done(branch))

    with ThreadPoolExecutor(6) as pool:
        (final,) = [each for found in pool.map(finish, branches) for each in found]
    conclude(store, done(final))
    assert value_of(store) == len(json.dumps([["a", 5]] * 60))


def test_a_branch_that_fails_fails_the_canvas_and_says_which(store: Store) -> None:
    good, bad = starts(store, parallel(step("a.mark"), pipeline(step("b.mark"), step("b.mark"))))
    conclude(store, broken(bad))
    root = store.traffic.call("root")
    assert root.status is CallStatus.FAILED
    assert root.failure
    assert root.failure.message == "parallel[1].pipeline[0] (b.mark): bad row"
    assert root.failure.traceback == BAD.traceback
    conclude(store, done(good))
    assert store.traffic.call(good.message.id).status is CallStatus.FINISHED
    assert store.traffic.run_count("run").is_quiet(1)


def test_a_branch_that_is_sent_again_lets_the_canvas_end_well(store: Store) -> None:
    tree = parallel(step("a.mark"), step("b.mark"), step("d.size"))
    good, bad, worse = starts(store, tree)
    conclude(store, broken(bad), broken(worse))
    conclude(store, done(good))
    store.traffic.reopen([bad.message.id])
    assert store.traffic.call("root").status is CallStatus.FAILED
    conclude(store, done(bad))
    store.traffic.reopen([worse.message.id])
    root = store.traffic.call("root")
    assert (root.status, root.failure, root.finished_at) == (CallStatus.WAITING, None, None)
    conclude(store, done(worse))
    assert value_of(store) == expected(tree, 5)
    assert set(rows(store).values()) == {0}


def test_a_branch_that_was_sent_again_may_fail_again(store: Store) -> None:
    (bad,) = starts(store, parallel(step("a.mark")))
    for _ in range(2):
        conclude(store, broken(bad))
        assert store.traffic.call("root").status is CallStatus.FAILED
        store.traffic.reopen([bad.message.id])
    conclude(store, done(bad))
    assert value_of(store) == [["a", 5]]


def test_a_failure_that_is_kept_stands_in_the_place_of_its_branch(store: Store) -> None:
    inner = pipeline(step("b.mark"), parallel(step("b.mark"), step("d.size")))
    tree = pipeline(parallel(step("a.mark"), inner, keep=True), step("c.list"))
    good, first = starts(store, tree)
    assert first.message.canvas.endswith("?")
    one, two = conclude(store, done(first))
    conclude(store, broken(one), broken(two))
    assert store.traffic.call("root").status is CallStatus.WAITING
    (last,) = conclude(store, done(good))
    conclude(store, done(last))
    kept = value_of(store)[0]
    assert kept[0] == ["a", 5]
    assert (kept[1]["type"], kept[1]["message"]) == ("ValueError", "bad row")
    calls, _ = store.traffic.calls(CallFilter(status=(CallStatus.WAITING,)))
    assert calls == []


def test_what_is_no_list_cannot_be_cut(store: Store) -> None:
    assert starts(store, segment(step(), 2), {"no": "list"}) == []
    root = store.traffic.call("root")
    assert root.failure
    assert (root.failure.type, root.status) == ("segment", CallStatus.FAILED)


def test_cancelling_ends_a_canvas_and_what_runs_of_it(store: Store) -> None:
    runs, waits = starts(store, parallel(pipeline(step("a.mark")), step("b.mark")))
    running = done(runs, status=CallStatus.RUNNING, finished_at=None).call
    store.traffic.begun([running])
    assert store.traffic.cancel_canvas(CallId("root"))
    assert not store.traffic.cancel_canvas(CallId("root"))
    assert store.traffic.cancels(running.worker) == [running.id]
    assert store.traffic.call("root").status is CallStatus.CANCELLED
    assert conclude(store, done(waits)) == []
    assert store.traffic.call("root").status is CallStatus.CANCELLED


def test_a_canvas_in_a_recipe_sends_on_what_it_came_to(store: Store) -> None:
    (first,) = starts(store, pipeline(step("a.mark")), exit="shop.flow.complete", outer="up:3")
    (end,) = conclude(store, done(first))
    assert (end.queue, json.loads(end.message.body)) == ("shop.flow.complete", ["a", 5])
    assert (end.message.canvas, end.message.parent) == ("up:3", "root")


def test_a_canvas_in_a_recipe_tells_of_its_failure_once(store: Store) -> None:
    one, two = starts(store, parallel(step(), step()), exit="shop.flow.complete")
    (end,) = conclude(store, broken(one))
    assert json.loads(end.message.body)["message"] == "parallel[0] (a.mark): bad row"
    assert conclude(store, broken(two)) == []


def test_what_is_left_of_a_failed_canvas_goes_with_its_record(store: Store) -> None:
    (bad,) = starts(store, pipeline(pipeline(step("a.mark"))))
    conclude(store, broken(bad))
    store.traffic.delete_calls(CallFilter(run_id="run"))
    assert store.traffic.run("run") == []
    assert set(rows(store).values()) == {0}


def test_the_lock_is_the_canvas(store: Store) -> None:
    """Many canvases in one batch move on together."""
    trees = {
        f"root{n}": funnel(step("a.mark"), step("b.mark"), final=step("c.list")) for n in "xyz"
    }
    found = store.traffic.conclude([launched(tree, 1, id_) for id_, tree in trees.items()])
    finals = conclude(store, *(done(each) for more in found.values() for each in more))
    assert len(finals) == 3
    conclude(store, *map(done, finals))
    assert {value_of(store, id_)[0][0][0] for id_ in trees} == {"a"}


@pytest.fixture(autouse=True)
def _nothing_waits(store: Store) -> Iterator[None]:
    yield
    assert store.check()
