from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from flowctl.broker.rabbit.flow import MOST_PARTS, Flow, Flows, adjust, shares


@given(
    st.integers(1, 500),
    st.sets(st.sampled_from("abcdefgh"), min_size=1),
    st.sets(st.sampled_from("abcdefgh")),
)
def test_shares_stay_near_the_window(window: int, queues: set[str], active: set[str]) -> None:
    given_out = shares(window, sorted(queues), active)
    assert set(given_out) == queues
    assert all(share >= 1 for share in given_out.values())
    assert sum(given_out.values()) <= window + len(queues)


def test_a_busy_queue_alone_gets_everything() -> None:
    assert shares(9, ["a", "b"], {"a"}) == {"a": 9, "b": 1}
    assert shares(9, ["a"], set()) == {"a": 9}


def test_nothing_flows_through_a_closed_window() -> None:
    assert shares(0, ["a", "b"], {"a"}) == {"a": 0, "b": 0}


@given(st.lists(st.integers(1, 300), max_size=10), st.integers(0, 600))
def test_what_stays_is_no_more_than_allowed(sizes: list[int], most: int) -> None:
    parts = {f"t{number}": size for number, size in enumerate(sizes)}
    ending = adjust(parts, most)
    assert sum(size for tag, size in parts.items() if tag not in ending) <= most
    assert len(set(ending)) == len(ending)
    assert ending == [] or sum(sizes) > most


class Queue:
    """A queue without end and the channel to it: it delivers whatever a consumer may have."""

    def __init__(self) -> None:
        self.live: dict[str, int] = {}
        self.per_queue: Counter[str] = Counter()
        self.per_consumer: Counter[str] = Counter()
        self.ending: list[str] = []
        self._size = 0

    def basic_qos(self, prefetch_count: int) -> None:
        self._size = prefetch_count

    def basic_consume(self, queue: str, on_message: object, consumer_tag: str) -> None:
        self.live[consumer_tag] = self._size

    def basic_cancel(self, tag: str, callback: object) -> None:
        self.deliver()
        del self.live[tag]
        self.ending.append(tag)

    def deliver(self) -> None:
        for tag, size in self.live.items():
            self.per_queue["q"] += size - self.per_consumer[tag]
            self.per_consumer[tag] = size

    def settle(self, count: int) -> None:
        for tag in list(self.per_consumer):
            done = min(count, self.per_consumer[tag])
            self.per_consumer[tag] -= done
            self.per_queue["q"] -= done
            count -= done


def confirm(flows: Flows, queue: Queue) -> None:
    for tag in queue.ending:
        flows.over(tag)
    queue.ending.clear()


STEPS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100), st.booleans()), max_size=30)


@given(STEPS)
def test_no_more_is_under_way_than_the_widest_window(
    steps: list[tuple[int, int, bool]],
) -> None:
    flows, flow, queue = Flows("w"), Flow("q"), Queue()
    flows.by_queue["q"] = flow
    widest = 0
    for share, settled, eager in steps:
        widest = max(widest, share)
        flows.grant(queue, flow, share, queue, least=1 if eager else 5)
        assert queue.live == flow.parts
        assert len(flow.parts) <= MOST_PARTS
        queue.deliver()
        assert queue.per_queue["q"] <= widest
        queue.settle(settled)
        if eager:
            confirm(flows, queue)
    queue.settle(10_000)
    for _ in range(3):
        confirm(flows, queue)
        flows.grant(queue, flow, 7, queue)
        queue.deliver()
        queue.settle(10_000)
    assert flow.granted == 7


def test_a_consumer_that_the_broker_ended_is_forgotten_and_its_queue_known() -> None:
    flows, flow, queue = Flows("w"), Flow("q"), Queue()
    flows.by_queue["q"] = flow
    flows.grant(queue, flow, 3, queue)
    (tag,) = flows.tags()
    assert tag == "w:q:1"
    assert flows.queue_of(tag) == "q"
    assert flows.ended(tag) is flow
    assert flow.granted == 0
    assert flows.ended("unknown") is None
