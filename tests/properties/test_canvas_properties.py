"""The law of canvases: any tree comes to what plain Python makes of it, in whatever order steps end."""

from __future__ import annotations

from collections import Counter
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowctl.model.canvas import Funnel, Node, Parallel, Pipeline, Segment, Step
from flowctl.model.states import TERMINAL
from flowctl.state.store import Store, open_store
from tests.canvases import FUNCTIONS, expected, launched, play, value_of

_ids = count()
steps = st.sampled_from(sorted(FUNCTIONS)).map(lambda name: Step(socket=name))


def _larger(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, max_size=4).map(tuple)
    cut = st.tuples(inner, st.integers(1, 3))
    return st.one_of(
        several.map(lambda found: Pipeline(steps=found)),
        st.tuples(several, st.booleans()).map(lambda p: Parallel(branches=p[0], keep=p[1])),
        st.tuples(several, inner).map(lambda p: Funnel(branches=p[0], final=p[1])),
        # A segment needs a list, whatever comes in.
        cut.map(lambda p: Pipeline(steps=(Step(socket="c.list"), Segment(step=p[0], size=p[1])))),
    )


trees = st.recursive(steps, _larger, max_leaves=25).filter(lambda tree: not isinstance(tree, Step))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = open_store(f"sqlite:///{tmp_path_factory.mktemp('canvas') / 'state.db'}")
    made.migrate()
    return made


@settings(max_examples=60, deadline=None)
@given(tree=trees, seed=st.integers(0, 2**16), most=st.integers(1, 9))
def test_any_tree_comes_to_what_plain_python_makes_of_it(
    store: Store, tree: Node, seed: int, most: int
) -> None:
    root, run = (f"{word}-{next(_ids)}" for word in ("root", "run"))
    ran = play(store, launched(tree, 7, root, run_id=run), seed=seed, most=most)
    assert value_of(store, root) == expected(tree, 7)
    assert max(Counter(ran).values(), default=1) == 1
    assert {call.status for call in store.traffic.run(run)} <= TERMINAL
    assert store.traffic.run_count(run).is_quiet(1)
