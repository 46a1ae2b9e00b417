import threading

from schedulerd.timer import Timer


def test_acts_run_in_their_threads_again_and_again_until_stopped():
    timer = Timer(("a", "b"))
    seen: dict[str, set[int]] = {"a": set(), "b": set()}
    twice = threading.Barrier(3)

    def act(name: str) -> None:
        seen[name].add(threading.get_ident())
        twice.wait(10)

    timer.every(0.01, lambda: act("a"), thread="a")
    timer.every(0.01, lambda: act("b"), thread="b")
    timer.start()
    twice.wait(10)
    twice.wait(10)
    twice.abort()
    timer.stop()
    assert len(seen["a"]) == len(seen["b"]) == 1
    assert seen["a"].isdisjoint(seen["b"])
