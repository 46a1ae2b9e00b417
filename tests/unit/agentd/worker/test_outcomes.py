"""From what an executor says to the outcome of its call."""

import signal

import pytest

from agentd.worker.frames import Frame, Kind
from agentd.worker.items import MOST_PRINTED
from agentd.worker.outcomes import cancelled, crashed, note, timed_out
from flowctl.clock import SystemClock
from tests.flows import item, route

CLOCK = SystemClock()
DONE = {"content_type": "application/json", "duration": 0.25, "generator": False, "routes": None}


def test_a_return_value_ends_the_call() -> None:
    found = note(item(route()), Frame(Kind.DONE, DONE, b"[1]"), CLOCK)
    assert found is not None
    assert (found.result, found.duration, found.outputs, found.failure) == (
        b"[1]",
        0.25,
        None,
        None,
    )


def test_a_generator_s_outputs_are_kept_in_order() -> None:
    made = item(route())
    for body in (b"1", b"2"):
        head = {"plug": None, "content_type": "application/json"}
        assert note(made, Frame(Kind.YIELD, head, body), CLOCK) is None
    found = note(made, Frame(Kind.DONE, DONE | {"generator": True}, b"null"), CLOCK)
    assert found is not None
    assert found.scatter
    assert [o.body for o in found.outputs or []] == [b"1", b"2"]


def test_a_generator_without_outputs_scatters_nothing() -> None:
    found = note(item(route()), Frame(Kind.DONE, DONE | {"generator": True}, b"null"), CLOCK)
    assert found is not None
    assert found.outputs == []


def test_an_exception_is_a_failure_with_its_traceback() -> None:
    head = {"type": "KeyError", "message": "a\x00b", "traceback": "File ...", "duration": 0.5}
    found = note(item(route()), Frame(Kind.FAILED, head, b""), CLOCK)
    assert found is not None
    assert found.failure is not None
    assert (found.failure.type, found.failure.message) == ("KeyError", "a\ufffdb")


def test_what_is_printed_is_kept_up_to_a_limit() -> None:
    made = item(route())
    for _ in range(3):
        frame = Frame(Kind.OUTPUT, {"stream": "stdout"}, b"x" * MOST_PRINTED)
        assert note(made, frame, CLOCK) is None
    assert made.text().startswith("x" * MOST_PRINTED)
    assert made.text().endswith(f"[{2 * MOST_PRINTED} more characters are not kept]\n")


@pytest.mark.parametrize(
    ("status", "words"),
    [(-signal.SIGSEGV, "SIGSEGV"), (-signal.SIGKILL, "SIGKILL"), (3, "exited with 3")],
)
def test_a_crash_says_how_the_executor_ended(status: int, words: str) -> None:
    found = crashed(item(route()), status, CLOCK)
    assert found.failure is not None
    assert found.failure.type == "killed"
    assert words in found.failure.message


def test_late_and_cancelled_calls_are_failures_of_their_own_kind() -> None:
    late, ended = timed_out(item(route()), 2.5, CLOCK), cancelled(item(route()), CLOCK)
    assert late.failure is not None
    assert ended.failure is not None
    assert (late.failure.type, ended.failure.type) == ("timeout", "cancelled")
    assert "2.5 s" in late.failure.message
