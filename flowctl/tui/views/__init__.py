"""The views of the cockpit. A view is made known by its place in `VIEWS`; the first is where one begins."""

from __future__ import annotations

from flowctl.tui.view import View
from flowctl.tui.views.calls import Calls, CallView
from flowctl.tui.views.details import Describe, Output, Yaml
from flowctl.tui.views.errors import Failures
from flowctl.tui.views.events import Events, History
from flowctl.tui.views.flows import Networks
from flowctl.tui.views.graph import Graph
from flowctl.tui.views.hosts import Hosts
from flowctl.tui.views.lists import LISTED
from flowctl.tui.views.logs import Logs
from flowctl.tui.views.path import Path
from flowctl.tui.views.processors import Processors
from flowctl.tui.views.pulse import PulseView
from flowctl.tui.views.queued import Messages, MessageView
from flowctl.tui.views.queues import Queues
from flowctl.tui.views.runs import Runs, Trace
from flowctl.tui.views.schedules import Schedules
from flowctl.tui.views.stats import Stats

VIEWS: tuple[type[View], ...] = (
    Networks,
    PulseView,
    Graph,
    Queues,
    Processors,
    Hosts,
    Events,
    History,
    Schedules,
    *LISTED,
    Logs,
    Calls,
    CallView,
    Runs,
    Trace,
    Failures,
    Messages,
    MessageView,
    Path,
    Stats,
    Describe,
    Yaml,
    Output,
)
"""All views."""
