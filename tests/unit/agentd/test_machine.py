"""Transcripts of the machine: what it hears, and what it does."""

from __future__ import annotations

from msgspec.structs import replace

from agentd.stimuli import Key, Tick, Version
from flowctl.model.states import AgentStatus, DeploymentStatus, Desired, WorkerStatus
from tests.playbook import Playbook, assigned

PARSE = "parse.deploy1"
WORKER = "h1.shop.parse.worker.1"


def test_a_deployment_comes_up() -> None:
    play = Playbook()
    assert play.ticks() == []
    assert play.lists(assigned()) == [f"build {PARSE} v1.0", f"report {PARSE} building"]
    assert play.builds(PARSE) == [f"start {WORKER} v1.0", f"report {PARSE} starting"]
    assert play.spawns(PARSE) == []
    assert play.writes(PARSE, WorkerStatus.STARTING, executors=0) == []
    assert play.writes(PARSE, WorkerStatus.RUNNING, executors=1) == [f"report {PARSE} updating"]
    assert play.writes(PARSE, WorkerStatus.RUNNING, executors=2) == [f"report {PARSE} running"]
    assert play.lists(assigned()) == []
    assert play.machine.sentence == "1 worker serves 2 cpus"


def test_an_executor_that_crashed_is_no_change_of_the_deployment() -> None:
    play = Playbook()
    play.runs(assigned())
    assert play.writes(PARSE, WorkerStatus.RUNNING, executors=1) == []
    assert play.writes(PARSE, WorkerStatus.STARTING, executors=0) == []
    assert play.writes(PARSE, WorkerStatus.RUNNING, executors=2) == []


def test_two_deployments_of_a_processor_have_a_worker_each() -> None:
    play = Playbook()
    play.runs(assigned(number=1), assigned(number=2, cpus=3))
    assert {post.held.name for post in play.machine.posts.values() if post.held} == {
        "h1.shop.parse.worker.1",
        "h1.shop.parse.worker.2",
    }
    assert play.machine.sentence == "2 workers serve 5 cpus"


def test_more_cpus_restart_nothing() -> None:
    play = Playbook()
    play.runs(assigned(cpus=2))
    assert play.lists(assigned(cpus=4)) == [f"report {PARSE} updating"]
    assert play.writes(PARSE, WorkerStatus.RUNNING, executors=4) == [f"report {PARSE} running"]


def test_pause_and_resume_restart_nothing() -> None:
    play = Playbook()
    play.runs(assigned())
    assert play.lists(assigned(requested=Desired.PAUSED)) == []
    assert play.writes(PARSE, WorkerStatus.PAUSED) == [f"report {PARSE} paused"]
    assert play.lists(assigned()) == []
    assert play.writes(PARSE, WorkerStatus.RUNNING) == [f"report {PARSE} running"]


def test_a_new_generation_is_built_before_the_old_worker_ends() -> None:
    play = Playbook()
    play.runs(assigned())
    new = assigned(generation=2)
    assert play.lists(new) == [f"build {PARSE} v2.0", f"report {PARSE} updating"]
    assert play.lives(60) == []
    assert play.builds(PARSE) == [f"drain {PARSE}", f"report {PARSE} updating"]
    assert play.lists(new) == []
    assert play.exits(PARSE, 0) == [f"start {WORKER} v2.0", f"report {PARSE} starting"]
    play.spawns(PARSE)
    assert play.writes(PARSE, WorkerStatus.RUNNING) == [f"report {PARSE} running"]
    assert play.machine.restarts == 0


def test_a_change_during_a_build_is_built_after_it() -> None:
    play = Playbook()
    play.lists(assigned())
    assert play.lists(assigned(generation=2)) == []
    assert play.builds(PARSE) == [f"build {PARSE} v2.0"]
    assert play.builds(PARSE) == [f"start {WORKER} v2.0", f"report {PARSE} starting"]


def test_a_failed_build_of_what_nobody_wants_any_more_says_nothing() -> None:
    play = Playbook()
    play.lists(assigned())
    play.lists(assigned(generation=2))
    assert play.breaks(PARSE) == [f"build {PARSE} v2.0"]


def test_a_restart_on_request_builds_again() -> None:
    play = Playbook()
    play.runs(assigned())
    assert play.lists(assigned(restarts=1)) == [
        f"build {PARSE} v1.1",
        f"report {PARSE} updating",
    ]


def test_a_failed_build_leaves_the_old_worker_alone() -> None:
    play = Playbook()
    play.runs(assigned())
    play.lists(assigned(generation=2))
    assert play.breaks(PARSE) == [f"report {PARSE} error"]
    assert play.reasons[PARSE] == "the version before keeps serving\nbuild: no network"
    assert play.lives(1) == [f"build {PARSE} v2.0"]
    assert play.builds(PARSE) == [f"drain {PARSE}", f"report {PARSE} updating"]


def test_a_failed_build_is_tried_again_with_growing_pauses() -> None:
    play = Playbook()
    play.lists(assigned())
    assert play.breaks(PARSE) == [f"report {PARSE} error"]
    pauses = []
    for _ in range(12):
        began = play.now
        while f"build {PARSE} v1.0" not in play.ticks(0.5):
            pass
        pauses.append(play.now - began)
        assert play.breaks(PARSE) == []
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == 300.0


def test_a_new_generation_is_tried_at_once_after_failures() -> None:
    play = Playbook()
    play.lists(assigned())
    for _ in range(8):
        play.breaks(PARSE)
        play.waits(300)
    play.breaks(PARSE)
    assert play.lists(assigned(generation=2))[0] == f"build {PARSE} v2.0"


def test_a_killed_worker_comes_back_with_what_was_built() -> None:
    play = Playbook(jitter=0.0)
    play.runs(assigned())
    assert play.exits(PARSE, -9) == [f"start {WORKER} v1.0", f"report {PARSE} starting"]
    assert play.reasons[PARSE] == "worker ended by SIGKILL"
    play.spawns(PARSE)
    assert play.writes(PARSE, WorkerStatus.RUNNING) == [f"report {PARSE} running"]
    assert play.machine.restarts == 1
    assert play.seen[-1].beat.restarts == 1


def _crash(play: Playbook, times: int) -> None:
    for _ in range(times):
        while play.machine.posts and play.machine.posts[Key("shop", PARSE)].held is None:
            play.ticks(0.5)
        play.spawns(PARSE)
        play.exits(PARSE, 1, "boom")


def test_five_exits_in_five_minutes_are_a_crash_loop() -> None:
    play = Playbook()
    play.lists(assigned())
    play.builds(PARSE)
    _crash(play, 4)
    assert play.statuses[PARSE] is DeploymentStatus.STARTING
    _crash(play, 1)
    assert play.statuses[PARSE] is DeploymentStatus.ERROR
    reason = "crash loop: 5 exits in 5 minutes; worker exited with code 1\nboom"
    assert play.reasons[PARSE] == reason
    assert play.waits(299) == []
    assert play.waits(1) == [f"start {WORKER} v1.0"]
    play.spawns(PARSE)
    assert play.writes(PARSE, WorkerStatus.RUNNING) == [f"report {PARSE} running"]
    play.lives(60)
    assert play.exits(PARSE, 1, "boom") == [f"report {PARSE} error"]
    assert play.waits(299) == []


def test_a_change_ends_a_crash_loop() -> None:
    play = Playbook()
    play.lists(assigned())
    play.builds(PARSE)
    _crash(play, 5)
    assert play.lists(assigned(restarts=1)) == [f"build {PARSE} v1.1", f"report {PARSE} building"]


def test_ten_minutes_well_are_forgiven() -> None:
    play = Playbook()
    play.lists(assigned())
    play.builds(PARSE)
    _crash(play, 4)
    while play.machine.posts[Key("shop", PARSE)].held is None:
        play.ticks(0.5)
    play.spawns(PARSE)
    play.writes(PARSE, WorkerStatus.RUNNING)
    play.lives(601)
    play.exits(PARSE)
    assert play.waits(1) == [f"start {WORKER} v1.0"]


def test_an_import_error_is_shown_and_the_worker_left_alone() -> None:
    play = Playbook()
    play.runs(assigned())
    words = play.writes(PARSE, WorkerStatus.FAILED, executors=0, reason="ImportError: nope")
    assert words == [f"report {PARSE} error"]
    assert play.reasons[PARSE] == "ImportError: nope"
    assert play.lives(600) == []
    assert play.machine.sentence == f"{PARSE} fails"


def test_a_hung_worker_is_killed_and_comes_back() -> None:
    play = Playbook(jitter=0.0)
    play.runs(assigned())
    assert play.waits(19) == []
    assert play.waits(1) == [f"kill {PARSE}"]
    assert play.waits(60) == []
    assert play.exits(PARSE) == [f"start {WORKER} v1.0", f"report {PARSE} starting"]
    assert play.reasons[PARSE] == "worker gave no sign of life for 20 s"


def test_a_pause_of_the_agent_is_not_a_silence_of_the_worker() -> None:
    play = Playbook()
    play.runs(assigned())
    assert play.ticks(3600) == []
    assert play.lives(5) == []


def test_a_full_disk_is_not_a_silence_of_the_workers() -> None:
    play = Playbook()
    play.runs(assigned())
    for _ in range(600):
        play.now += 1.0
        assert play.hears(Tick({}, blind=True)) == []
    assert play.waits(19) == []
    assert play.waits(1) == [f"kill {PARSE}"]


def test_a_worker_has_a_minute_for_its_first_sign() -> None:
    play = Playbook()
    play.lists(assigned())
    play.builds(PARSE)
    play.spawns(PARSE)
    assert play.waits(59) == []
    assert play.waits(2) == [f"kill {PARSE}"]


def test_a_status_file_of_another_process_is_no_sign_of_life() -> None:
    play = Playbook()
    play.runs(assigned())
    assert play.exits(PARSE) != []
    play.ticks(1)
    play.spawns(PARSE)
    assert play.machine.posts[Key("shop", PARSE)].held.report is None


def test_stop_drains_and_keeps_the_deployment() -> None:
    play = Playbook()
    play.runs(assigned())
    stopped = assigned(requested=Desired.STOPPED)
    assert play.lists(stopped) == [f"drain {PARSE}", f"report {PARSE} stopping"]
    assert play.lists(stopped) == []
    assert play.exits(PARSE, 0) == [f"forget {WORKER}", f"report {PARSE} stopped"]
    assert play.waits(10) == []
    assert play.lists(assigned()) == [f"start {WORKER} v1.0", f"report {PARSE} starting"]


def test_a_processor_that_is_stopped_or_disabled_stops_its_deployments() -> None:
    stopped = replace(assigned().processor, requested_status=Desired.STOPPED)
    for changed in (replace(assigned(), processor=stopped), assigned(enabled=False)):
        play = Playbook()
        play.runs(assigned())
        assert play.lists(changed)[0] == f"drain {PARSE}"


def test_a_worker_that_does_not_drain_is_killed() -> None:
    play = Playbook()
    play.runs(assigned())
    play.lists(assigned(requested=Desired.STOPPED))
    assert play.lives(34) == []
    assert play.lives(2) == [f"kill {PARSE}"]
    assert play.exits(PARSE, -9) == [f"forget {WORKER}", f"report {PARSE} stopped"]
    assert play.machine.restarts == 0


def test_removed_drains_then_finishes() -> None:
    play = Playbook()
    play.runs(assigned())
    removed = assigned(requested=Desired.REMOVED)
    assert play.lists(removed) == [f"drain {PARSE}", f"report {PARSE} stopping"]
    assert play.exits(PARSE, 0) == [f"forget {WORKER}", f"finish {PARSE}"]
    assert play.lists(removed) == [f"finish {PARSE}"]
    assert play.lists() == []
    assert play.machine.posts == {}


def test_what_is_no_longer_listed_ends() -> None:
    play = Playbook()
    play.runs(assigned())
    assert play.lists() == [f"drain {PARSE}"]
    assert play.exits(PARSE, 0) == [f"forget {WORKER}"]
    assert play.machine.posts == {}
    assert play.machine.sentence == "no deployments"


def test_what_comes_back_while_it_drains_is_started_again() -> None:
    play = Playbook()
    play.runs(assigned())
    play.lists()
    assert play.lists(assigned()) == []
    assert play.exits(PARSE, 0) == [f"start {WORKER} v1.0", f"report {PARSE} starting"]


def test_a_start_that_fails_builds_again_after_a_pause() -> None:
    play = Playbook()
    play.lists(assigned())
    play.builds(PARSE)
    assert play.refuses(PARSE, "no space left on device") == [f"report {PARSE} error"]
    assert play.waits(1) == [f"build {PARSE} v1.0"]
    assert play.builds(PARSE)[0] == f"start {WORKER} v1.0"


def test_without_the_database_everything_goes_on() -> None:
    play = Playbook(jitter=0.0)
    play.runs(assigned())
    play.loses_state()
    assert play.lives(3600) == []
    assert play.machine.sentence == "1 worker serves 2 cpus; no state database: it does not answer"
    assert play.exits(PARSE)[0] == f"start {WORKER} v1.0"
    play.spawns(PARSE)
    play.writes(PARSE, WorkerStatus.RUNNING)
    assert play.lists(assigned()) == []
    assert play.machine.sentence == "1 worker serves 2 cpus"


def test_a_report_that_the_database_lost_is_repeated() -> None:
    play = Playbook()
    play.runs(assigned())
    play.statuses[PARSE] = DeploymentStatus.LOST
    assert play.lists(assigned()) == [f"report {PARSE} running"]


def test_an_adopted_worker_goes_on_untouched() -> None:
    play = Playbook()
    assert play.adopts(PARSE) == []
    assert play.waits(10) == []
    assert play.writes(PARSE, WorkerStatus.RUNNING) == []
    assert play.lists(assigned(status=DeploymentStatus.RUNNING)) == []
    assert play.exits(PARSE, None)[-1] == f"report {PARSE} starting"
    assert play.waits(1) == [f"start {WORKER} v1.0"]


def test_an_adopted_worker_of_an_old_version_is_replaced() -> None:
    play = Playbook()
    play.adopts(PARSE, Version(-1, -1), known=False)
    play.writes(PARSE, WorkerStatus.RUNNING)
    assert play.lists(assigned())[0] == f"build {PARSE} v1.0"
    assert play.builds(PARSE)[0] == f"drain {PARSE}"


def test_an_adopted_worker_that_nobody_wants_ends() -> None:
    play = Playbook()
    play.adopts(PARSE)
    assert play.lists() == [f"drain {PARSE}"]


def test_a_worker_that_perished_is_started_or_forgotten() -> None:
    play = Playbook()
    play.misses(PARSE)
    assert play.lists(assigned())[0] == f"build {PARSE} v1.0"
    play = Playbook()
    play.misses(PARSE)
    assert play.lists() == [f"forget {WORKER}"]


def test_a_signal_leaves_the_workers_running() -> None:
    play = Playbook()
    play.runs(assigned())
    assert play.stops(workers=False) == ["leave"]
    assert play.ticks() == []


def test_a_signal_ends_the_workers_first() -> None:
    play = Playbook()
    play.runs(assigned(), assigned(number=2))
    assert play.stops() == [
        "drain parse.deploy1",
        "drain parse.deploy2",
        "report parse.deploy1 stopping",
        "report parse.deploy2 stopping",
    ]
    assert play.machine.sentence == "ending: parse.deploy1, parse.deploy2 stop"
    play.exits("parse.deploy1", 0)
    assert play.exits("parse.deploy2", 0) == [
        "forget h1.shop.parse.worker.2",
        "report parse.deploy2 stopped",
        "leave, all stopped",
    ]
    assert play.beats[-1].status is AgentStatus.STOPPED


def test_a_second_signal_kills() -> None:
    play = Playbook()
    play.runs(assigned())
    play.stops()
    assert play.stops() == [f"kill {PARSE}"]
    assert play.exits(PARSE, -9)[-1] == "leave, all stopped"


def test_an_agent_that_is_asked_to_stop_ends_everything() -> None:
    for wish in (Desired.STOPPED, Desired.REMOVED):
        play = Playbook()
        play.runs(assigned())
        assert play.lists(assigned(), agent=wish)[0] == f"drain {PARSE}"
        assert play.exits(PARSE, 0)[-1] == "leave, all stopped"


def test_an_agent_that_is_paused_takes_nothing_new_and_keeps_what_it_has() -> None:
    play = Playbook()
    play.runs(assigned())
    assert play.lists(assigned(), agent=Desired.PAUSED) == []
    assert play.machine.status is AgentStatus.DRAINING


def test_beats_come_at_the_interval_and_news_at_once() -> None:
    play = Playbook()
    play.runs(assigned())
    beats, seen = len(play.beats), len(play.seen)
    play.lives(20)
    assert len(play.beats) - beats == 10
    assert len(play.seen) - seen == 2
    assert play.seen[-1].measure
    for calls in range(10):
        play.now += 1.0
        play.writes(PARSE, WorkerStatus.RUNNING, calls=calls)
    assert len(play.seen) - seen == 7
    play.writes(PARSE, WorkerStatus.RUNNING, executors=1)
    news = play.seen[-1]
    assert not news.measure
    assert news.beat.executors == 1
    assert news.pids[0] == news.beat.pid


def test_many_names_are_cut_short() -> None:
    play = Playbook()
    play.lists(*(assigned(number=number) for number in range(1, 7)))
    assert play.machine.sentence == "parse.deploy1, parse.deploy2, parse.deploy3 and 3 more build"
