"""What a leader does, apart from leading. Everything is made anew for each term."""

from __future__ import annotations

from dataclasses import dataclass

from flowctl.services.control import Control
from schedulerd.adaptors import Adaptors
from schedulerd.autoscale import Autoscaler
from schedulerd.cron import Cron
from schedulerd.model import Shelf
from schedulerd.outbox import Claims
from schedulerd.planner import Planner
from schedulerd.policy import Policy
from schedulerd.queues import QueueSync
from schedulerd.stats import Sampler


@dataclass(frozen=True, slots=True)
class Duties:
    """The duties of one term; none of them remembers anything of an earlier one."""

    term: int
    planner: Planner
    cron: Cron
    autoscaler: Autoscaler
    queues: QueueSync
    sampler: Sampler
    claims: Claims
    adaptors: Adaptors
    shelf: Shelf


def take_up(control: Control, policy: Policy, term: int, *, observe: bool) -> Duties:
    """Return the duties of a term that begins."""
    shelf = Shelf(control)
    return Duties(
        term=term,
        planner=Planner(control, policy, term, observe=observe),
        cron=Cron(control, shelf, term),
        autoscaler=Autoscaler(control, shelf),
        queues=QueueSync(control, shelf, policy.queues_every),
        sampler=Sampler(control, shelf),
        claims=Claims(control),
        adaptors=Adaptors(control, term),
        shelf=shelf,
    )
