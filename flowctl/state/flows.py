"""What is wanted: networks of processors, sockets and plugs, and what people ask of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import structs

from flowctl.errors import Conflict, NotFound, Refused
from flowctl.model.flow import (
    AgentSpec,
    DeploymentSpec,
    Network,
    NetworkSpec,
    Plug,
    Processor,
    ProcessorSpec,
    Socket,
    Task,
    Topology,
)
from flowctl.model.naming import plug_name
from flowctl.model.nodes import ProcessorType
from flowctl.model.states import Desired, may_request
from flowctl.planning.health import Health
from flowctl.recipe.diff import Changes, diff
from flowctl.state import structure
from flowctl.state.changes import carry_out, request_processor
from flowctl.state.database import Repository, reading, snapshot, writing
from flowctl.state.removal import delete_network, remove_if_idle
from flowctl.state.rows import (
    delete,
    exactly,
    find,
    insert_many,
    load,
    lock_wanted,
    record,
    revise,
    touch,
    update,
    within,
)
from flowctl.state.tables import (
    AgentSpecRow,
    DeploymentRow,
    NetworkRow,
    PlugRow,
    ProcessorRow,
    SocketRow,
    TaskRow,
)

_MANY = 500
"""Names from which on reading all rows is cheaper than looking for each."""


class Flows(Repository):
    """Networks and what is in them."""

    @reading
    def networks(self) -> list[Network]:
        """Return all networks."""
        return load(self.database, Network, NetworkRow)

    @reading
    def network(self, name: str) -> Network:
        """Return one network.

        Raises:
            NotFound: there is none of that name.
        """
        return find(self.database, Network, NetworkRow, "network", name)

    @snapshot
    def spec(self, network: str) -> NetworkSpec:
        """Return the network as a recipe would declare it."""
        found = self.network(network)
        return NetworkSpec(
            name=found.name,
            strategy=found.strategy,
            processors=tuple(each.spec for each in self.processors(network)),
            plugs=tuple(sorted((each.spec for each in self.plugs(network)), key=plug_name)),
            agents=self._agents(network),
            deployments=self._pinned(network),
        )

    @snapshot
    def topology(self, network: str) -> Topology:
        """Return the network with everything in it, read at one moment."""
        return Topology(
            network=self.network(network),
            processors=tuple(self.processors(network)),
            sockets=tuple(self.sockets(network)),
            plugs=tuple(self.plugs(network)),
        )

    @snapshot
    def processors(self, network: str = "") -> list[Processor]:
        """Return the processors of a network, or of all."""
        return structure.processors(self.database, *within(ProcessorRow, network=network))

    @snapshot
    def processor(self, name: str, network: str = "") -> Processor:
        """Return one processor; `network/name` names its network as well.

        Raises:
            NotFound: there is none of that name.
            InvalidInput: several networks have one.
        """
        return structure.processor(self.database, name, network)

    @snapshot
    def sockets(self, network: str = "", processor: str = "") -> list[Socket]:
        """Return the sockets of a network, of a processor, or of all."""
        where = within(SocketRow, network=network, processor=processor)
        return structure.sockets(self.database, *where)

    @snapshot
    def socket(self, name: str, network: str = "") -> Socket:
        """Return one socket, called `processor.socket`.

        Raises:
            NotFound: there is none of that name.
            InvalidInput: several networks have one.
        """
        return structure.socket(self.database, name, network)

    @reading
    def plugs(self, network: str = "") -> list[Plug]:
        """Return the plugs of a network, or of all."""
        return structure.plugs(self.database, *within(PlugRow, network=network))

    @reading
    def plug(self, name: str, network: str = "") -> Plug:
        """Return one plug.

        Raises:
            NotFound: there is none of that name.
            InvalidInput: several networks have one.
        """
        return find(self.database, Plug, PlugRow, "plug", name, network)

    @writing
    def apply(self, changes: Changes, *, expect: int | None, recipe: str = "") -> Network:
        """Carry out all changes, or none, and return the network.

        Raises:
            Conflict: the network is not at revision `expect`, or exists (or not) against `changes`.
        """
        lock_wanted(self.database)
        self._expect(changes, expect)
        if changes.is_empty:
            return self.network(changes.network)
        for change in changes.changes:
            carry_out(self.database, changes.network, change)
        revise(self.database, changes.network)
        if recipe:
            where = [NetworkRow.name == changes.network]
            update(self.database, NetworkRow, where, recipe=recipe)
        summary = ", ".join(f"{word} {count}" for word, count in changes.summary().items() if count)
        record(self.database, "network", changes.network, "applied", summary, changes.network)
        return self.network(changes.network)

    @writing
    def delete_network(self, name: str, *, purge: bool = False) -> dict[str, int]:
        """Delete a network with all that is in it; calls and events stay, unless `purge`.

        Raises:
            NotFound: there is none of that name.
        """
        revise(self.database)
        self.network(name)
        counts = delete_network(self.database, name, purge=purge)
        record(self.database, "network", name, "removed", network="" if purge else name)
        return counts

    @writing
    def request(
        self, network: str, processor: str, wanted: Desired, *, receipt: str | None = None
    ) -> Processor:
        """Write what is wanted of a processor and of all its deployments.

        A processor that is to be removed and has no deployments goes at once.

        Raises:
            Refused: the present request does not allow it.
            Conflict: somebody wrote the processor since `receipt` was read.
        """
        lock_wanted(self.database)
        present = self._present(network, processor, receipt)
        network, processor = present.network, present.name
        if not may_request(present.requested_status, wanted):
            raise Refused(
                f'processor "{processor}" is asked to be {present.requested_status},'
                f" it cannot be {wanted}"
            )
        if present.requested_status is wanted:
            return present
        request_processor(self.database, network, processor, wanted)
        revise(self.database, network)
        record(self.database, "processor", processor, "requested", wanted, network)
        removed = wanted is Desired.REMOVED and remove_if_idle(self.database, network, processor)
        return present if removed else self.processor(processor, network)

    @writing
    def rewrite(
        self, network: str, processor: str, spec: ProcessorSpec, *, receipt: str | None
    ) -> Processor:
        """Replace the spec of a processor, its sockets included.

        Raises:
            Conflict: somebody wrote the processor since `receipt` was read.
            Refused: it would rename the processor, or remove a socket that has plugs.
        """
        lock_wanted(self.database)
        present = self._present(network, processor, receipt)
        network, processor = present.network, present.name
        if spec.name != processor:
            raise Refused(f'processor "{processor}" cannot be renamed')
        old = NetworkSpec(name=network, processors=(present.spec,))
        changes = diff(old, NetworkSpec(name=network, processors=(spec,)))
        self._check_plugs(network, changes)
        for change in changes.changes:
            carry_out(self.database, network, change)
        if not changes.is_empty:
            revise(self.database, network)
        return self.processor(processor, network)

    @writing
    def restart(self, network: str, processor: str) -> Processor:
        """Ask for new executors.

        Raises:
            Refused: the processor is to be removed.
        """
        lock_wanted(self.database)
        present = self._present(network, processor, None)
        network, processor = present.network, present.name
        if present.requested_status is Desired.REMOVED:
            raise Refused(f'processor "{processor}" is being removed')
        where = exactly(ProcessorRow, network=network, name=processor)
        values = touch(self.database)
        update(self.database, ProcessorRow, where, restarts=ProcessorRow.restarts + 1, **values)
        revise(self.database, network)
        record(self.database, "processor", processor, "restarted", network=network)
        return self.processor(processor, network)

    @writing
    def set_gate(self, network: str, processor: str, *, closed: bool) -> Processor:
        """Close a gate or open it.

        Raises:
            Refused: the processor is no gate.
        """
        lock_wanted(self.database)
        present = self._present(network, processor, None)
        network, processor = present.network, present.name
        if present.spec.type is not ProcessorType.GATE:
            raise Refused(f'processor "{processor}" is a {present.spec.type}, not a gate')
        if present.closed == closed:
            return present
        where = exactly(ProcessorRow, network=network, name=processor)
        update(self.database, ProcessorRow, where, closed=closed, **touch(self.database))
        revise(self.database, network)
        word = "closed" if closed else "opened"
        record(self.database, "processor", processor, word, network=network)
        return self.processor(processor, network)

    @writing
    def save_tasks(self, network: str, processor: str, tasks: Sequence[Task]) -> None:
        """Write what the module of a processor showed; overrides stay as they are."""
        lock_wanted(self.database)
        where = exactly(ProcessorRow, network=network, name=processor)
        if not load(self.database, Processor, ProcessorRow, *where):
            return
        inside = exactly(TaskRow, network=network, processor=processor)
        known = load(self.database, Task, TaskRow, *inside)
        codes = {task.name: task.code for task in known}
        seen = {
            task.name: structs.replace(
                task, processor=processor, code=codes.get(task.name, task.code)
            )
            for task in tasks
        }
        if {task.name: task for task in known} != seen:
            delete(self.database, TaskRow, *inside)
            rows = [structs.asdict(task) | {"network": network} for task in seen.values()]
            insert_many(self.database, TaskRow, rows)

    @writing
    def override_code(self, network: str, processor: str, task: str, code: str) -> None:
        """Replace a function by other code, or give it back with an empty text.

        Raises:
            NotFound: the processor has no such task.
        """
        lock_wanted(self.database)
        present = self._present(network, processor, None)
        network, processor = present.network, present.name
        where = exactly(TaskRow, network=network, processor=processor, name=task)
        if not update(self.database, TaskRow, where, code=code):
            raise NotFound("task", task)
        self.restart(network, processor)

    @writing
    def settle(self, seen: Mapping[tuple[str, str], Health]) -> None:
        """Write what the daemons see of processors; a status that changed becomes an event.

        They are known by network and name; what was seen before is not written again.
        """
        names = sorted({name for _, name in seen})
        near = [ProcessorRow.name.in_(names)] if len(names) < _MANY else []
        groups: dict[tuple[str, Health], list[Processor]] = defaultdict(list)
        for old in load(self.database, Processor, ProcessorRow, *near):
            found = seen.get((old.network, old.name))
            if found is not None and found != Health.of(old):
                groups[old.network, found].append(old)
        for (network, found), alike in groups.items():
            self._settle(network, found, alike)

    def _settle(self, network: str, seen: Health, alike: Sequence[Processor]) -> None:
        for start in range(0, len(alike), _MANY):
            names = [each.name for each in alike[start : start + _MANY]]
            where = [ProcessorRow.network == network, ProcessorRow.name.in_(names)]
            values = {"deployed_cpus": seen.deployed, "running_cpus": seen.running}
            update(
                self.database, ProcessorRow, where, status=seen.status, error=seen.error, **values
            )
        for old in alike:
            if old.status is not seen.status:
                note = f"{old.status} -> {seen.status}" + (f": {seen.error}" if seen.error else "")
                record(self.database, "processor", old.name, "status", note, network)

    def _expect(self, changes: Changes, expect: int | None) -> None:
        query = NetworkRow.select(NetworkRow.revision)
        rows = self.database.rows(query.where(NetworkRow.name == changes.network))
        name, again = changes.network, "make the plan again"
        if changes.new and rows:
            raise Conflict(f'network "{name}" exists by now', remedy=again)
        if not changes.new and not rows:
            raise Conflict(f'network "{name}" is gone', remedy=again)
        if rows and expect is not None and rows[0][0] != expect:
            raise Conflict(
                f'network "{name}" is at revision {rows[0][0]}, not {expect}', remedy=again
            )

    def _present(self, network: str, name: str, receipt: str | None) -> Processor:
        present = structure.processor(self.database, name, network)
        if receipt is not None and present.receipt != receipt:
            raise Conflict(f'somebody changed processor "{name}" meanwhile', remedy="read it again")
        return present

    def _check_plugs(self, network: str, changes: Changes) -> None:
        gone = [change.name for change in changes.of("socket", "remove")]
        used = PlugRow.source.in_(gone) | PlugRow.target.in_(gone)
        rows = self.database.rows(
            PlugRow.select(PlugRow.name).where(PlugRow.network == network, used)
        )
        if gone and rows:
            raise Refused(f'plug "{rows[0][0]}" hangs on a socket that would go')

    def _agents(self, network: str) -> tuple[AgentSpec, ...]:
        query = AgentSpecRow.select(AgentSpecRow.spec).order_by(AgentSpecRow.name)
        rows = self.database.rows(query.where(AgentSpecRow.network == network))
        return tuple(spec for (spec,) in rows)

    def _pinned(self, network: str) -> tuple[DeploymentSpec, ...]:
        return tuple(
            load(
                self.database,
                DeploymentSpec,
                DeploymentRow,
                DeploymentRow.network == network,
                DeploymentRow.pinned == True,  # noqa: E712
                DeploymentRow.requested_status != Desired.REMOVED,
            )
        )
