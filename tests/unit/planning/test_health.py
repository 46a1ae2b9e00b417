import pytest

from flowctl.model.states import (
    DeploymentStatus,
    Desired,
    ProcessorStatus,
    WorkerStatus,
)
from flowctl.planning.health import health
from tests.fleets import deployment, processor, worker

BUILDING = {"status": DeploymentStatus.BUILDING}
PAUSED = {"status": DeploymentStatus.PAUSED}
REMOVED = {"requested_status": Desired.REMOVED}


@pytest.mark.parametrize(
    ("wish", "deployments", "lack", "status"),
    [
        ({"cpus": 0}, [], "", ProcessorStatus.READY),
        ({"cpus": 1}, [], "there is no agent", ProcessorStatus.PENDING),
        ({"cpus": 1}, [], "", ProcessorStatus.STARTING),
        ({"cpus": 1}, [deployment("parse.deploy1", **BUILDING)], "", ProcessorStatus.STARTING),
        ({"cpus": 1}, [deployment("parse.deploy1")], "", ProcessorStatus.RUNNING),
        ({"cpus": 2}, [deployment("parse.deploy1")], "wants", ProcessorStatus.RUNNING),
        (
            {"cpus": 2},
            [deployment("parse.deploy1"), deployment("parse.deploy2", **BUILDING)],
            "",
            ProcessorStatus.STARTING,
        ),
        ({"requested": Desired.STOPPED}, [], "", ProcessorStatus.STOPPED),
        ({"enabled": False}, [], "", ProcessorStatus.STOPPED),
        (
            {"requested": Desired.STOPPED},
            [deployment("parse.deploy1", **REMOVED)],
            "",
            ProcessorStatus.STOPPING,
        ),
        (
            {"requested": Desired.STOPPED},
            [deployment("parse.deploy1", status=DeploymentStatus.STOPPED)],
            "",
            ProcessorStatus.STOPPED,
        ),
        (
            {"requested": Desired.PAUSED},
            [deployment("parse.deploy1", **PAUSED)],
            "",
            ProcessorStatus.PAUSED,
        ),
        ({"requested": Desired.PAUSED}, [], "", ProcessorStatus.PAUSED),
        (
            {"requested": Desired.PAUSED},
            [deployment("parse.deploy1")],
            "",
            ProcessorStatus.STARTING,
        ),
    ],
)
def test_status(wish, deployments, lack, status):
    assert health(processor(**wish), deployments, [], lack).status is status


def test_a_broken_deployment_is_the_processors_error():
    broken = deployment("parse.deploy2", status=DeploymentStatus.ERROR, reason="No module named x")
    seen = health(processor(cpus=2), [deployment("parse.deploy1"), broken], [])
    assert seen.status is ProcessorStatus.ERROR
    assert seen.error == "parse.deploy2 on h1: No module named x"


def test_cpus_are_counted_where_they_serve():
    deployments = [
        deployment("parse.deploy1", cpus=2),
        deployment("parse.deploy2", cpus=3),
        deployment("parse.deploy3", cpus=4, requested_status=Desired.REMOVED),
        deployment("parse.deploy4", cpus=1, status=DeploymentStatus.LOST),
    ]
    workers = [
        worker("parse.deploy1", 2),
        worker("parse.deploy2", 1),
        worker("parse.deploy2", 3, status=WorkerStatus.FAILED),
        worker("parse.deploy3", 4),
        worker("parse.deploy4", 1),
    ]
    seen = health(processor(cpus=6), deployments, workers)
    assert (seen.deployed, seen.running) == (6, 3)


def test_settled_means_nothing_is_on_its_way():
    wanted = processor(cpus=1)
    serving = [worker("parse.deploy1", 1)]
    assert health(wanted, [deployment("parse.deploy1")], serving).is_settled(wanted)
    assert not health(wanted, [deployment("parse.deploy1")], []).is_settled(wanted)
    assert not health(wanted, [deployment("parse.deploy1", **BUILDING)], []).is_settled(wanted)
    assert not health(wanted, [], []).is_settled(wanted)
    assert health(wanted, [], [], "there is no agent").is_settled(wanted)
