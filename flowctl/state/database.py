"""Units of work: transactions that are repeated as a whole, over connections that mend themselves.

A unit is a method of a repository under `reading`, `snapshot`, `writing` ...: it may be executed
more than once, so it does nothing but ask and tell the database. Units called by a unit join it.

A COMMIT whose answer was lost is the one case in which nobody knows what happened; the server is
asked for the fate of the transaction before the unit is repeated, so that compare-and-set writes
never conflict with themselves.
"""

from __future__ import annotations

import os
import random
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial, wraps
from itertools import count
from typing import Any, Concatenate, ParamSpec, TypeVar

from flowctl.clock import Clock, SystemClock
from flowctl.errors import InvalidInput, SchemaMismatch, StateUnavailable
from flowctl.state.drivers import PATIENCE, Driver, Kind, Mode

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R", bound="Repository")


class _Session:
    """A connection and the unit of work that is under way on it."""

    def __init__(self, driver: Driver) -> None:
        self.lock = threading.RLock()
        self.connection: Any = None
        self.working = False
        self._driver = driver

    def connect(self) -> None:
        """Make sure that there is a connection which can take a unit of work."""
        if self.connection is not None and not self._driver.is_usable(self.connection):
            self.hang_up()
        if self.connection is None:
            self.connection = self._driver.connect()

    def hang_up(self) -> None:
        """Close the connection, whatever state it is in."""
        connection, self.connection = self.connection, None
        if connection is not None:
            self._driver.hang_up(connection)

    def __del__(self) -> None:
        self.hang_up()


_INHERITED: list[Any] = []
"""Connections of a parent process: never used, never closed, never collected."""


class _Unknown(Exception):
    """A COMMIT broke; the transaction may have taken effect."""

    def __init__(self, transaction: str, value: Any) -> None:
        super().__init__(transaction)
        self.transaction = transaction
        self.value = value


class Database:
    """Where units of work are executed."""

    def __init__(self, driver: Driver, clock: Clock, wanted: Callable[[], int]) -> None:
        self.driver = driver
        self.clock = clock
        self._wanted = wanted
        self._timer = SystemClock()
        self._pause = threading.Event()
        self._begin()
        self.compiler = driver.compiler(self.execute)
        self.statements: dict[tuple[Any, ...], str] = {}
        """SQL that was built before, by what it was built of."""

    def run(self, work: Callable[[], T], mode: Mode) -> T:
        """Execute a unit of work.

        Raises:
            StateUnavailable: the database did not answer within `PATIENCE`.
            SchemaMismatch: it lacks tables.
        """
        session = self._session()
        deadline = self._timer.monotonic() + PATIENCE
        with self._taken(session):
            if session.working:
                return work()
            return self._persist(session, work, mode, deadline)

    def execute(self, sql: str, params: Sequence[Any] | None = None) -> Any:
        """Execute one statement of the present unit of work and return its cursor."""
        cursor = self.cursor()
        with representable():
            cursor.execute(sql, tuple(params) if params else ())
        return cursor

    def cursor(self) -> Any:
        """Return a new cursor on the connection of the present unit of work."""
        return self._session().connection.cursor()

    def rows(self, query: Any) -> list[tuple[Any, ...]]:
        """Execute a peewee query and return its rows as tuples of values."""
        return list(query.tuples().execute(self.compiler))

    def change(self, query: Any) -> int:
        """Execute a peewee UPDATE, DELETE or INSERT and return how many rows it touched."""
        sql, params = self.compiler.get_sql_context().sql(query).query()
        return int(self.execute(sql, params).rowcount)

    def moment(self) -> Any:
        """Return the database's present time, as a value or an SQL expression for a column."""
        if not self.driver.now:
            return self.clock.now()
        from peewee import SQL

        return SQL(self.driver.now)

    def close(self) -> None:
        """Close all connections; a later unit of work opens new ones."""
        for session in (*self._sessions, self._shared):
            with session.lock:
                session.hang_up()

    def _session(self) -> _Session:
        if self._pid != os.getpid():
            self._disown()
        if self.driver.shared:
            return self._shared
        session: _Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _Session(self.driver)
            with self._guard:
                self._sessions.add(session)
        return session

    def _disown(self) -> None:
        """Leave the connections of a parent process to it."""
        for session in (*self._sessions, self._shared):
            _INHERITED.append(session.connection)
            session.connection = None
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._guard = threading.Lock()
        self._local = threading.local()
        self._sessions: weakref.WeakSet[_Session] = weakref.WeakSet()
        self._shared = _Session(self.driver)

    @contextmanager
    def _taken(self, session: _Session) -> Iterator[None]:
        if not session.lock.acquire(timeout=4 * PATIENCE):
            raise StateUnavailable(f"{self.driver.place}: the connection is busy")
        try:
            yield
        finally:
            session.lock.release()

    def _persist(self, session: _Session, work: Callable[[], T], mode: Mode, deadline: float) -> T:
        for attempt in count(1):
            try:
                return self._once(session, work, mode)
            except _Unknown as lost:
                if self._took_effect(session, lost.transaction):
                    return lost.value  # type: ignore[no-any-return]
            except self.driver.errors as error:
                self._recover(session, error, deadline)
            self._wait(attempt)
        raise AssertionError

    def _once(self, session: _Session, work: Callable[[], T], mode: Mode) -> T:
        session.connect()
        session.working = True
        try:
            with self.driver.at_work():
                return work() if mode is Mode.READ else self._transact(session, work, mode)
        finally:
            session.working = False

    def _transact(self, session: _Session, work: Callable[[], T], mode: Mode) -> T:
        cursor = session.connection.cursor()
        transaction = self.driver.begin(cursor, mode)
        try:
            value = work()
        except BaseException:
            self._roll_back(session, cursor)
            raise
        try:
            cursor.execute("COMMIT")
        except self.driver.errors as error:
            if transaction and self.driver.understand(error).kind is Kind.LOST:
                raise _Unknown(transaction, value) from error
            self._roll_back(session, cursor)
            raise
        return value

    def _roll_back(self, session: _Session, cursor: Any) -> None:
        try:
            cursor.execute("ROLLBACK")
        except self.driver.errors:
            session.hang_up()

    def _recover(self, session: _Session, error: Exception, deadline: float) -> None:
        """Make ready for another attempt, or tell the caller."""
        trouble = self.driver.understand(error)
        if trouble.kind is Kind.SCHEMA:
            raise self._mismatch(session) or trouble.error from error
        if trouble.kind is Kind.LOST:
            session.hang_up()
        if trouble.kind is Kind.FINAL or self._timer.monotonic() >= deadline:
            raise trouble.error from error

    def _mismatch(self, session: _Session) -> SchemaMismatch | None:
        """Return what a missing table or column comes from, where the version shows it."""
        found = 0
        with suppress(self.driver.errors, AttributeError):
            cursor = session.connection.cursor()
            cursor.execute("SELECT MAX(version) FROM schema_version")
            found = cursor.fetchone()[0] or 0
        wanted = self._wanted()
        return None if found == wanted else SchemaMismatch(found, wanted)

    def _took_effect(self, session: _Session, transaction: str) -> bool:
        deadline = self._timer.monotonic() + PATIENCE
        session.hang_up()
        for attempt in count(1):
            try:
                session.connect()
                fate = self.driver.fate(session.connection.cursor(), transaction)
            except self.driver.errors as error:
                self._recover(session, error, deadline)
                fate = None
            if fate is not None:
                return fate
            if self._timer.monotonic() >= deadline:
                break
            self._wait(attempt)
        raise StateUnavailable(f"{self.driver.place}: nobody knows whether the change took effect")

    def _wait(self, attempt: int) -> None:
        longest = min(0.5, 0.02 * 2 ** min(attempt, 6))
        self._pause.wait(random.uniform(longest / 4, longest))


@contextmanager
def representable() -> Iterator[None]:
    """Turn what drivers say of a number or a text that no column can hold into bad input."""
    try:
        yield
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"the database cannot hold this: {error}") from error


class Repository:
    """The root of the repositories: it holds nothing but the database."""

    def __init__(self, database: Database) -> None:
        self.database = database


def _unit(mode: Mode, method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    @wraps(method)
    def execute(repository: R, /, *args: P.args, **options: P.kwargs) -> T:
        return repository.database.run(partial(method, repository, *args, **options), mode)

    return execute


def reading(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """Make a method a unit of single statements."""
    return _unit(Mode.READ, method)


def snapshot(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """Make a method a unit that reads everything at one moment."""
    return _unit(Mode.SNAPSHOT, method)


def writing(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """Make a method one durable transaction, repeated only where it took no effect."""
    return _unit(Mode.WRITE, method)


def hot(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """Make a method one durable transaction that may take effect twice: it must be idempotent."""
    return _unit(Mode.HOT, method)


def lossy(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """Make a method one transaction that a power cut may undo: for telemetry only."""
    return _unit(Mode.LOSSY, method)
