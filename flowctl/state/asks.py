"""Questions to the agents, each with a lease, and what they tell: whoever asked takes it out.

Answers pass through the database because every host reaches it; they stay for a moment only. What
is told to somebody who is gone goes with the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from flowctl.model.asks import Ask
from flowctl.state.database import Repository, reading, writing
from flowctl.state.rows import delete, insert, insert_many, load, revise, update
from flowctl.state.traffic_tables import AskRow, ToldRow


class Asks(Repository):
    """What is asked of all agents now."""

    @writing
    def put(self, ask: Ask, now: datetime) -> None:
        """Ask, so that every agent hears of it within a second; forget what nobody asks any more."""
        revise(self.database)
        self._remove(AskRow.expires_at < now)
        insert(self.database, AskRow, [structs.asdict(ask)])

    @writing
    def renew(self, ask_id: str, until: datetime) -> bool:
        """Go on asking until a moment; False where the question is forgotten."""
        return update(self.database, AskRow, [AskRow.id == ask_id], expires_at=until) > 0

    @writing
    def end(self, ask_id: str) -> None:
        """Ask no more."""
        if self._remove(AskRow.id == ask_id):
            revise(self.database)

    def _remove(self, which: object) -> int:
        asks = AskRow.select(AskRow.id).where(which)
        delete(self.database, ToldRow, ToldRow.ask_id.in_(asks))
        return delete(self.database, AskRow, which)

    @reading
    def live(self, now: datetime) -> list[Ask]:
        """Return what is asked now."""
        return load(self.database, Ask, AskRow, AskRow.expires_at >= now, order=(AskRow.id,))

    @writing
    def tell(self, ask_id: str, bodies: Sequence[str]) -> bool:
        """Answer, in this order; False where nobody asks any more."""
        asked = self.database.rows(AskRow.select(AskRow.id).where(AskRow.id == ask_id))
        if asked:
            rows = [{"ask_id": ask_id, "body": body} for body in bodies]
            insert_many(self.database, ToldRow, rows)
        return bool(asked)

    @writing
    def take(self, ask_id: str, limit: int = 1000) -> list[str]:
        """Return what was told since the last time, oldest first; it is not kept."""
        query = ToldRow.select(ToldRow.id, ToldRow.body).where(ToldRow.ask_id == ask_id)
        found = self.database.rows(query.order_by(ToldRow.id).limit(limit))
        if found:
            ids = [number for number, _ in found]
            delete(self.database, ToldRow, ToldRow.id.in_(ids))
        return [body for _, body in found]
