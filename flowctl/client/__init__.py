"""flowctl for programs: a socket is a function.

    from flowctl import Flow

    with Flow("shop") as flow:
        flow.price.total([1, 2, 3])             # waits, and returns what the function returned
        handle = flow.price.total.send([1, 2])  # durable when this returns
        handle.result(timeout=10)
        list(flow.price.total.map([[1], [2]]))  # all on their way at once, results in order

Names are looked up when they are used, so a flow may be written down before its network is there.
One `Flow` may be used by many threads. Everything is done by the services that the command line
uses, so both do the same; `docs/python.md` shows all of it.

- `flow` is the network and its names, `sockets` what can be called, `patterns` calls made of calls,
  `handles` what became of a call
- `session` is an opened state and broker, `values` takes Python values to messages and back
"""

from flowctl.client.flow import Flow
from flowctl.client.handles import Handle, Trace
from flowctl.client.patterns import Pattern, funnel, parallel, pipeline, segment
from flowctl.client.sockets import Processor, Socket

__all__ = [
    "Flow",
    "Handle",
    "Pattern",
    "Processor",
    "Socket",
    "Trace",
    "funnel",
    "parallel",
    "pipeline",
    "segment",
]
