"""The store: the one door to what is remembered.

Importing this module and opening a store costs next to nothing: peewee, the driver and the
connection come with the first question. The driver comes first: it decides what peewee may load.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from flowctl.clock import Clock, SystemClock
from flowctl.errors import Misconfigured, SchemaMismatch

if TYPE_CHECKING:
    from flowctl.state.asks import Asks
    from flowctl.state.database import Database
    from flowctl.state.duty import Duty
    from flowctl.state.events import Events
    from flowctl.state.fleet import Fleets
    from flowctl.state.flows import Flows
    from flowctl.state.journal import Journal
    from flowctl.state.schema import Schema
    from flowctl.state.traffic import Traffic


def open_store(url: str, *, clock: Clock | None = None) -> Store:
    """Return the store at a URL; nothing is connected yet, and nothing is ever migrated unasked.

    Raises:
        Misconfigured: the URL names no database that flowctl knows.
    """
    if url.partition(":")[0] not in {"sqlite", "postgresql", "postgres"}:
        raise Misconfigured(
            f'"{url.partition(":")[0]}" is no kind of database that flowctl knows',
            remedy="begin the URL with sqlite:// or postgresql://",
        )
    return Store(url, clock or SystemClock())


class Store:
    """All repositories over one database; every method of them may be called from any thread.

    Raises, everywhere: `StateUnavailable` when the database does not answer, `SchemaMismatch` when
    it is not migrated.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock

    @cached_property
    def flows(self) -> Flows:
        """What is wanted: networks, processors, sockets, plugs."""
        database = self._database
        from flowctl.state.flows import Flows

        return Flows(database)

    @cached_property
    def fleet(self) -> Fleets:
        """What the flows run on: agents, deployments, workers."""
        database = self._database
        from flowctl.state.fleet import Fleets

        return Fleets(database)

    @cached_property
    def traffic(self) -> Traffic:
        """What moves: calls, results, outbox, claims, joins."""
        database = self._database
        from flowctl.state.traffic import Traffic

        return Traffic(database)

    @cached_property
    def events(self) -> Events:
        """What happened."""
        database = self._database
        from flowctl.state.events import Events

        return Events(database)

    @cached_property
    def duty(self) -> Duty:
        """Who leads, what was fired, what was measured."""
        database = self._database
        from flowctl.state.duty import Duty

        return Duty(database)

    @cached_property
    def journal(self) -> Journal:
        """What people changed."""
        database = self._database
        from flowctl.state.journal import Journal

        return Journal(database)

    @cached_property
    def asks(self) -> Asks:
        """What is asked of the agents."""
        database = self._database
        from flowctl.state.asks import Asks

        return Asks(database)

    def migrate(self) -> list[str]:
        """Bring the schema up to date and return the names of the migrations that ran.

        Raises:
            SchemaMismatch: the database is newer than this program.
        """
        return self._schema.migrate()

    def schema(self) -> tuple[int, int]:
        """Return the version of the schema as found (0: none) and as this program needs it."""
        try:
            return self._schema.version()
        except SchemaMismatch as error:
            return error.found, error.wanted

    def check_schema(self) -> None:
        """Make sure that this program and the database fit.

        Raises:
            SchemaMismatch: they do not.
        """
        found, wanted = self.schema()
        if found != wanted:
            raise SchemaMismatch(found, wanted)

    def revision(self) -> int:
        """Return a number that grows with every change of what is wanted, anywhere."""
        return self._schema.revision()

    def check(self) -> str:
        """Return one line that says what database this is and that it answers."""
        return self._schema.describe()

    def dump(self) -> dict[str, Any]:
        """Return all tables as lists of rows of plain JSON values."""
        return self._schema.dump()

    def drop(self) -> None:
        """Remove all tables and what is in them."""
        self._schema.drop()

    def close(self) -> None:
        """Close all connections; the store can still be asked and then connects again."""
        if "_database" in self.__dict__:
            self._database.close()

    @cached_property
    def _schema(self) -> Schema:
        database = self._database
        from flowctl.state.schema import Schema

        return Schema(database)

    @cached_property
    def _database(self) -> Database:
        driver: Any
        if self._url.startswith("sqlite:"):
            from flowctl.state.sqlite import SqliteDriver

            driver = SqliteDriver(self._url)
        else:
            from flowctl.state.postgres import PostgresDriver

            driver = PostgresDriver(self._url)
        from flowctl.state.database import Database
        from flowctl.state.schema import wanted

        return Database(driver, self._clock, wanted)
