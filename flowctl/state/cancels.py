"""Ending calls that run: a person asks here, the worker that runs the call looks here."""

from __future__ import annotations

from flowctl.errors import NotFound, Refused
from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.state.bulk import insert_new
from flowctl.state.database import Repository, reading, writing
from flowctl.state.fields import micros
from flowctl.state.rows import revise
from flowctl.state.traffic_tables import CallRow, CancelRow


class Cancels(Repository):
    """Requests to end calls."""

    @writing
    def cancel(self, call_id: CallId) -> None:
        """Ask for the end of a running call.

        Raises:
            NotFound: there is no such call.
            Refused: it does not run.
        """
        revise(self.database)
        query = CallRow.select(CallRow.status).where(CallRow.id == call_id)
        rows = self.database.rows(query)
        if not rows:
            raise NotFound("call", call_id)
        if rows[0][0] != CallStatus.RUNNING:
            raise Refused(
                f"call {call_id} is {rows[0][0]}, only running calls can be cancelled",
                remedy="a call that waits in a queue goes with `flowctl queue rm QUEUE ID`",
            )
        insert_new(
            self.database,
            "cancel",
            ("call_id", "at"),
            [(call_id, micros(self.database.clock.now()))],
        )

    @reading
    def cancels(self, worker: str) -> list[CallId]:
        """Return the calls that this worker runs and that are to be ended."""
        query = (
            CancelRow.select(CancelRow.call_id)
            .join(CallRow, on=(CallRow.id == CancelRow.call_id))
            .where(CallRow.worker == worker, CallRow.status == CallStatus.RUNNING)
        )
        return [CallId(call_id) for (call_id,) in self.database.rows(query)]
