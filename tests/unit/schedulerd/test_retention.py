from datetime import timedelta

from flowctl.model.work import Sample
from schedulerd.policy import Policy
from schedulerd.retention import retire


def test_what_is_older_than_the_policy_goes(control, clock):
    old, new = clock.now() - timedelta(days=2), clock.now()
    control.store.duty.sample(
        [Sample(at=at, kind="queue", object="q", metric="ready", value=1.0) for at in (old, new)]
    )
    assert retire(control, Policy(), clock.now()) == 0
    left = control.store.duty.samples("queue", "q", "ready", old)
    assert [sample.at for sample in left] == [new]
