import pytest

from flowctl.errors import Misconfigured
from schedulerd.policy import Policy


def test_the_environment_says_what_differs():
    policy = Policy.read({"FLOWCTL_LOST_AFTER": "2.5", "FLOWCTL_LEASE_TTL": "1", "OTHER": "x"})
    assert (policy.lost_after, policy.lease_ttl) == (2.5, 1.0)
    assert policy.suspect_after == Policy().suspect_after


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(Misconfigured, match="FLOWCTL_LOST_AFTER"):
        Policy.read({"FLOWCTL_LOST_AFTER": text})
