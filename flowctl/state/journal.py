"""What people changed, written in the transaction of the change: neither is without the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import structs

from flowctl.errors import NotFound
from flowctl.model.flow import Task
from flowctl.model.journal import Entry, Standing, Trash
from flowctl.model.states import Desired
from flowctl.state import structure
from flowctl.state.changes import request_processor
from flowctl.state.database import Repository, reading, writing
from flowctl.state.fields import encode
from flowctl.state.rows import delete, exactly, insert, load, lock_wanted, revise, update, within
from flowctl.state.tables import NetworkRow, ProcessorRow, TaskRow
from flowctl.state.traffic_tables import JournalRow, TrashRow

T = TypeVar("T")


class Journal(Repository):
    """Changes of people, and the trash that some of them left."""

    @writing
    def keep(self, work: Callable[[], tuple[T, Entry | None]]) -> T:
        """Carry out a change and its entry as one: `work` may be called more than once."""
        lock_wanted(self.database)
        value, entry = work()
        if entry is not None:
            self.add(entry)
        return value

    @writing
    def add(self, entry: Entry, trash: Trash | None = None) -> int:
        """Write an entry, with the trash that it is about to fill, and return its number."""
        row = structs.asdict(entry) | {"shift": encode(entry.shift)}
        del row["id"]
        insert(self.database, JournalRow, [row])
        query = JournalRow.select(JournalRow.id).order_by(JournalRow.id.desc()).limit(1)
        number = int(self.database.rows(query.where(JournalRow.batch == entry.batch))[0][0])
        if entry.undoes:
            undone = number if entry.action == "undo" else 0
            update(self.database, JournalRow, [JournalRow.id == entry.undoes], undone_by=undone)
        if trash is not None:
            insert(self.database, TrashRow, [structs.asdict(trash) | {"entry": number}])
        return number

    @writing
    def settle(self, number: int, result: str, *, final: bool = False) -> None:
        """Write what came of a change; one that is `final` cannot be taken back."""
        values = {"result": result} | ({"shift": "null"} if final else {})
        update(self.database, JournalRow, [JournalRow.id == number], **values)

    @writing
    def redone(self, number: int) -> None:
        """Write that a change of messages was carried out again, as another one."""
        where = [JournalRow.id == number]
        update(self.database, JournalRow, where, undone_by=0, shift="null")

    @reading
    def entry(self, number: int) -> Entry:
        """Return one entry.

        Raises:
            NotFound: there is none of this number.
        """
        found = self._entries(JournalRow.id == number)
        if not found:
            raise NotFound("change", str(number), remedy="flowctl history")
        return found[0]

    @reading
    def entries(
        self, *, network: str = "", who: str = "", batch: str = "", before: int = 0, limit: int = 50
    ) -> list[Entry]:
        """Return the newest entries first; those before a number where one is given."""
        where = within(JournalRow, network=network, who=who, batch=batch)
        if before:
            where.append(JournalRow.id < before)
        return self._entries(*where, limit=limit)

    @reading
    def trash(self, before: datetime | None = None) -> list[Trash]:
        """Return the queues of purged messages, oldest first; those older than a moment if given."""
        where = [] if before is None else [TrashRow.at < before]
        return load(self.database, Trash, TrashRow, *where, order=(TrashRow.at, TrashRow.queue))

    @writing
    def forget_trash(self, queues: Sequence[str]) -> None:
        """Remove the record of trash that is empty or gone; its changes cannot be undone any more."""
        for queue in queues:
            delete(self.database, TrashRow, TrashRow.queue == queue)

    @writing
    def expire(self, before: datetime) -> int:
        """Delete the entries that are older and return how many there were."""
        return delete(self.database, JournalRow, JournalRow.at < before)

    @reading
    def standing(self, network: str) -> Standing | None:
        """Return all that people can change of a network; None where there is none."""
        from flowctl.state.flows import Flows

        where = exactly(NetworkRow, name=network)
        if not self.database.rows(NetworkRow.select(NetworkRow.name).where(*where)):
            return None
        inside = exactly(ProcessorRow, network=network)
        processors = structure.processors(self.database, *inside)
        replaced = [*exactly(TaskRow, network=network), TaskRow.code != ""]
        return Standing(
            spec=Flows(self.database).spec(network),
            requested={each.name: each.requested_status for each in processors},
            code=tuple(load(self.database, Task, TaskRow, *replaced)),
        )

    @writing
    def restore(self, network: str, wanted: Standing, present: Standing) -> None:
        """Give a network, which has its spec already, the requests and the code that it had."""
        lock_wanted(self.database)
        for name, status in wanted.requested.items():
            where = exactly(ProcessorRow, network=network, name=name)
            query = ProcessorRow.select(ProcessorRow.requested_status).where(*where)
            for (held,) in self.database.rows(query):
                if held is not Desired.REMOVED and held is not status:
                    request_processor(self.database, network, name, status)
        stale = [task for task in present.code if task not in wanted.code]
        fresh = [task for task in wanted.code if task not in present.code]
        for task in (*(structs.replace(each, code="") for each in stale), *fresh):
            self._restore_code(network, task)
        for name in {task.processor for task in (*stale, *fresh)}:
            where = exactly(ProcessorRow, network=network, name=name)
            update(self.database, ProcessorRow, where, restarts=ProcessorRow.restarts + 1)
        revise(self.database, network)

    def _restore_code(self, network: str, task: Task) -> None:
        key = {"network": network, "processor": task.processor, "name": task.name}
        if (
            not update(self.database, TaskRow, exactly(TaskRow, **key), code=task.code)
            and task.code
        ):
            insert(self.database, TaskRow, [structs.asdict(task) | {"network": network}])

    def _entries(self, *where: Any, limit: int = 1) -> list[Entry]:
        names = Entry.__struct_fields__
        query = JournalRow.select(*[getattr(JournalRow, name) for name in names])
        if where:
            query = query.where(*where)
        rows = self.database.rows(query.order_by(JournalRow.id.desc()).limit(limit))
        return [Entry(**dict(zip(names, row, strict=True))) for row in rows]
