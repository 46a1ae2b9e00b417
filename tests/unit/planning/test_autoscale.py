import pytest

from flowctl.model.flow import Scale
from flowctl.planning.autoscale import Demand, autoscale, need

SCALE = Scale(min=0, max=5, queue=100, cooldown=60)


@pytest.mark.parametrize(
    ("demand", "cpus"),
    [
        (Demand(), 0),
        (Demand(ready=1), 1),
        (Demand(ready=99), 1),
        (Demand(ready=100), 2),
        (Demand(ready=350), 4),
        (Demand(ready=99999), 5),
        (Demand(unacked=3), 1),
        (Demand(busy=3), 3),
        (Demand(busy=9), 5),
    ],
)
def test_need(demand, cpus):
    assert need(SCALE, demand) == cpus


def test_the_lower_bound_holds():
    assert need(Scale(min=2, max=4), Demand()) == 2


def walk(cpus, *steps):
    """Run (seconds, ready) steps and return the cpus after each."""
    memory, seen = None, []
    for now, ready in steps:
        cpus, memory = autoscale(SCALE, cpus, Demand(ready=ready), memory, now)
        seen.append(cpus)
    return seen


def test_from_zero_at_once_and_back_after_the_cool_down():
    assert walk(0, (0, 0), (5, 1), (10, 250), (15, 0), (69, 0), (70.5, 0), (131, 0)) == [
        0,
        1,
        3,
        3,
        3,
        0,
        0,
    ]


def test_scale_in_goes_to_the_most_that_was_needed_lately():
    steps = [(0, 450), (30, 0), (50, 150), (65, 0), (115, 0)]
    assert walk(5, *steps) == [5, 5, 5, 2, 2]


def test_a_square_wave_does_not_flap():
    steps = [(second, 400 if second % 40 < 20 else 0) for second in range(0, 600, 5)]
    assert set(walk(0, *steps)) == {5}


def test_a_new_leader_watches_a_whole_cool_down_first():
    assert walk(4, (1000, 0), (1059, 0), (1060, 0)) == [4, 4, 0]


def test_cpus_outside_the_bounds_come_back_into_them():
    assert walk(9, (0, 9999)) == [5]
    assert walk(9, (0, 0)) == [5]
