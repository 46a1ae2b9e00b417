from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from threading import Event

import pytest

from flowctl.broker.rabbit.loop import Loop, wait_for
from flowctl.errors import BrokerUnavailable


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop("test")
    yield loop
    loop.close()


def test_acts_run_in_the_loop_and_answers_come_back(loop: Loop) -> None:
    assert not loop.inside
    assert loop.ask(lambda: loop.inside, 5)


def test_what_an_act_raises_comes_back(loop: Loop) -> None:
    def fail() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        loop.ask(fail, 5)


def test_a_callback_that_raises_does_not_make_the_loop_deaf(loop: Loop) -> None:
    told: list[str] = []
    heard = Event()

    def hear(why: str) -> None:
        told.append(why)
        heard.set()

    loop.on_crash.append(hear)
    loop.call(lambda: [][0])
    assert heard.wait(5)
    assert told == ["IndexError: list index out of range"]
    assert loop.ask(lambda: 7, 5) == 7


def test_timers_fire_unless_they_are_forgotten(loop: Loop) -> None:
    fired, wrong = Event(), Event()
    loop.call(lambda: loop.forget(loop.later(0.0, wrong.set)))
    loop.call(lambda: loop.later(0.01, fired.set))
    assert fired.wait(5)
    assert not wrong.is_set()


def test_no_answer_in_time_is_unavailable() -> None:
    with pytest.raises(BrokerUnavailable, match="within 0"):
        wait_for(Future(), 0)


def test_closing_twice_is_fine() -> None:
    loop = Loop("test")
    loop.close()
    loop.close()
