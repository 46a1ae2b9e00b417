"""Daemons, workers and executors are killed or told what to do while work goes on; nothing is lost."""

from __future__ import annotations

import itertools
import os
import signal
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest

from flowctl.model.states import CallStatus, ProcessorStatus
from tests.cluster import Cluster, until
from tests.stage import STEPS, Stage, stage

pytestmark = pytest.mark.process

TICKS = """
def tick(_payload, context=None):
    note(context.call_id)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(
        tmp_path_factory.mktemp("daemons"), cpus=16, schedulers=2,
        env={"FLOWCTL_CLAIM_AFTER": "1", "FLOWCTL_CLAIM_LEASE": "4", "FLOWCTL_LEASE_TTL": "4", "FLOWCTL_LEASE_RENEW": "1"},
    )  # fmt: skip
    try:
        yield made.start()
    finally:
        made.stop()


def kill(pid: int) -> None:
    """End a process the hard way and wait until it is gone."""
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "it dies")


def test_a_worker_killed_in_a_call_gives_its_result_once(cluster: Cluster) -> None:
    with stage(cluster, "wkill") as net:
        net.apply({"a": net.coded(STEPS, "gated")})
        ids = net.send("a.gated", [7])
        net.await_executions(1)
        kill(net.pid("a"))
        net.await_executions(2)
        net.open_gate()
        assert net.values(ids) == [7]
        assert len(net.calls("a.gated")) == 1
        until(lambda: net.ready("a.gated") == 0, "the queue is empty")
        assert net.executions() == ["7", "7"]


def test_an_executor_killed_in_a_call_makes_a_second_attempt(cluster: Cluster) -> None:
    with stage(cluster, "xkill") as net:
        net.apply({"a": net.coded(STEPS, "gated")})
        worker = net.pid("a")
        ids = net.send("a.gated", [7])
        net.await_executions(1)
        (executor,) = net.executors("a")
        kill(executor)
        net.await_executions(2)
        net.open_gate()
        (call,) = net.ended(ids).values()
        assert (call.status, call.attempt) == (CallStatus.FINISHED, 2)
        assert net.pid("a") == worker


def test_agentd_killed_finds_its_workers_again(cluster: Cluster) -> None:
    with stage(cluster, "akill") as net:
        net.apply({"a": net.coded(STEPS, "gated"), "b": net.coded(STEPS, "step")})
        before = net.pids("a") | net.pids("b")
        ids = net.send("a.gated", [1])
        net.await_executions(1)
        agent = cluster.daemons["a1"].process.pid
        cluster.daemons["a1"].kill()
        assert net.values(net.send("b.step", [2, 3])) == [2, 3]
        until(lambda: _agent_pid(net) not in (agent, 0), "the agent is back")
        net.say("scale", "a=3", "--wait", "--timeout", "60s")
        assert net.pids("a") | net.pids("b") == before
        net.open_gate()
        assert net.values(ids) == [1]
        assert net.executions().count("1") == 1


def _agent_pid(net: Stage) -> int:
    return net.control.store.fleet.agents()[0].pid


def test_a_killed_leader_is_followed_by_another(cluster: Cluster) -> None:
    with stage(cluster, "skill") as net:
        net.apply({"a": net.coded(STEPS, "step")})
        duty = net.control.store.duty
        lease = until(duty.lease, "a scheduler leads")
        leader = lease.holder.partition("#")[0]
        cluster.daemons[leader].kill()
        until(lambda: duty.lease().holder != lease.holder, "another leads")
        assert duty.lease().term > lease.term
        net.say("scale", "a=2", "--wait", "--timeout", "60s")
        assert net.values(net.send("a.step", [1])) == [1]


def test_a_schedule_fires_each_due_time_once_whoever_leads(cluster: Cluster) -> None:
    with stage(cluster, "ticks") as net:
        beat = net.coded(STEPS + TICKS, "tick")
        beat["sockets"] = {"tick": {"task": "tick", "every": "1s", "catchup": "all"}}
        net.apply({"a": beat})
        for count in (2, 5, 8):
            net.await_executions(count)
            leader = net.control.store.duty.lease().holder.partition("#")[0]
            cluster.daemons[leader].kill()
        net.await_executions(12)
        net.say("stop", "a", "--wait", "--timeout", "60s")
        due = [call.sent_at for call in net.calls("a.tick")]
        assert len(due) == len(set(due)) >= 12
        gaps = {(late - soon).total_seconds() for soon, late in itertools.pairwise(due)}
        assert gaps == {1.0}
        assert max(Counter(net.executions()).values()) == 1


def test_stop_start_pause_resume_restart_lose_nothing(cluster: Cluster) -> None:
    with stage(cluster, "steer") as net:
        net.apply({"a": net.coded(STEPS, "step"), "b": net.coded(STEPS, "step")})
        other = net.pids("b")
        first = net.pid("a")
        sent = []

        net.say("pause", "a", "--wait", "--timeout", "60s")
        sent += net.send("a.step", list(range(30)))
        assert (net.ready("a.step"), net.pid("a")) == (30, first)
        net.say("resume", "a", "--wait", "--timeout", "60s")
        assert net.values(sent) == list(range(30))
        assert net.pid("a") == first

        net.say("stop", "a", "--wait", "--timeout", "60s")
        assert not net.pids("a")
        waiting = net.send("a.step", list(range(30, 60)))
        assert net.ready("a.step") == 30
        net.say("start", "a", "--wait", "--timeout", "60s")
        assert net.values(waiting) == list(range(30, 60))

        second = net.pid("a")
        sent += waiting + net.send("a.step", list(range(60, 90)))
        net.say("restart", "a", "--wait", "--timeout", "60s")
        assert net.pid("a") not in (first, second)
        assert net.values(sent) == list(range(90))
        assert Counter(net.executions()) == Counter(map(str, range(90)))
        assert net.pids("b") == other


def test_scaling_with_messages_waiting_disturbs_nobody(cluster: Cluster) -> None:
    with stage(cluster, "scaled") as net:
        net.apply({"a": net.coded(STEPS, "step"), "b": net.coded(STEPS, "step")})
        other, worker = net.pids("b"), net.pid("a")
        sent = net.send("a.step", list(range(100)))
        net.say("scale", "a=4", "--wait", "--timeout", "60s")
        assert (net.pid("a"), len(net.executors("a"))) == (worker, 4)
        sent += net.send("a.step", list(range(100, 200)))
        net.say("scale", "a=0", "--wait", "--timeout", "60s")
        net.until_processor("a", lambda a: a.status is ProcessorStatus.READY, "is at rest")
        assert not net.pids("a")
        sent += net.send("a.step", list(range(200, 300)))
        net.say("scale", "a=2", "--wait", "--timeout", "60s")
        assert net.values(sent) == list(range(300))
        assert len(net.executors("a")) == 2
        assert Counter(net.executions()) == Counter(map(str, range(300)))
        assert net.pids("b") == other


def test_a_long_call_is_claimed_and_comes_again_when_its_worker_dies(cluster: Cluster) -> None:
    with stage(cluster, "claims") as net:
        net.apply({"a": net.coded(STEPS, "gated")})
        ids = net.send("a.gated", [5])
        net.await_executions(1)
        queue = "claims.a.gated"
        until(
            lambda: net.control.broker.depth([queue])[queue].unacked == 0,
            "the call is taken out of its queue",
        )
        (call,) = net.calls("a.gated", CallStatus.RUNNING)
        assert call.id == ids[0]
        kill(net.pid("a"))
        net.await_executions(2)
        net.open_gate()
        assert net.values(ids) == [5]
        assert len(net.executions()) == 2


def test_what_waits_behind_a_call_that_does_not_end_is_given_to_others(cluster: Cluster) -> None:
    with stage(cluster, "stuck") as net:
        net.apply({"a": net.coded(STEPS, "gated", "step")})
        ids = net.send("a.gated", [-1])
        net.await_executions(1)
        quick = net.send("a.step", list(range(50, 80)))
        until(lambda: net.ready("a.step") == 30, "the worker keeps nothing for later")
        net.say("scale", "a=2", "--wait", "--timeout", "60s")
        assert net.values(quick) == list(range(50, 80))
        net.open_gate()
        assert net.values(ids) == [-1]


def test_a_running_call_can_be_cancelled(cluster: Cluster) -> None:
    with stage(cluster, "cancels") as net:
        net.apply({"a": net.coded(STEPS, "gated", "step")})
        ids = net.send("a.gated", [1])
        until(lambda: net.calls("a.gated", CallStatus.RUNNING), "the call is seen to run")
        net.say("cancel", ids[0])
        (call,) = net.ended(ids).values()
        assert call.status is CallStatus.CANCELLED
        assert call.failure is not None
        assert call.failure.type == "cancelled"
        assert net.ready("a.gated.dead") == 0, "nobody wants it back"
        assert net.values(net.send("a.step", [2])) == [2]
        refused = cluster.invoke("cancel", ids[0])
        assert refused.returncode != 0
        assert "only running calls can be cancelled" in refused.stderr
