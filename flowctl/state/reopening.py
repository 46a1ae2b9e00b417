"""Calls that failed and are to run once more, because a person sends their dead letters back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowctl.model.states import CallStatus
from flowctl.model.traffic import Event
from flowctl.state.canvas import Canvases
from flowctl.state.database import writing
from flowctl.state.recording import write_events
from flowctl.state.rows import update
from flowctl.state.traffic_tables import CallRow

_CHUNK = 500


class Reopening(Canvases):
    """Takes outcomes back."""

    def reopen(self, ids: Sequence[str]) -> int:
        """Take back the failures of these calls, so that their next outcome counts; return how many.

        Do this before the messages go back: the outcome of a call that is closed is not recorded.
        Calls that did not fail, or that nothing is known of, stay as they are.
        """
        chunks = (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
        return sum(self._reopen(list(some)) for some in chunks)

    @writing
    def _reopen(self, ids: Sequence[str]) -> int:
        failed: list[Any] = [CallRow.id.in_(ids), CallRow.status == CallStatus.FAILED]
        query = CallRow.select(CallRow.id, CallRow.network, CallRow.run_id, CallRow.error)
        now = self.database.clock.now()
        write_events(
            self.database,
            [
                Event(
                    id=0, at=now, kind="call", object=id_, action="sent again",
                    note=f"after {error}", network=network, run_id=run_id,
                )
                for id_, network, run_id, error in self.database.rows(query.where(*failed))
            ],
        )  # fmt: skip
        count = update(
            self.database, CallRow, failed,
            status=CallStatus.RECEIVED, finished_at=None, failure=None, error="",
        )  # fmt: skip
        self._reopen_canvases(ids)
        return count
