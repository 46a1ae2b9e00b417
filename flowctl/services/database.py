"""The state database as a whole: make, migrate, check, dump, drop."""

from __future__ import annotations

from typing import Any

from flowctl.services.control import Control


def make_ready(control: Control) -> None:
    """Refuse a database of another schema; make one of this machine that is still empty.

    Raises:
        SchemaMismatch: the database is older or newer than this program.
    """
    found, _ = control.store.schema()
    if found == 0 and control.settings.state.startswith("sqlite:"):
        control.store.migrate()
    control.store.check_schema()


def migrate(control: Control) -> list[str]:
    """Bring the schema up to this program's and return what was done."""
    control.may_write()
    return list(control.store.migrate())


def check(control: Control) -> str:
    """Return one line that says which database this is, and that its schema fits.

    Raises:
        SchemaMismatch: it does not fit.
    """
    control.store.check_schema()
    return control.store.check()


def dump(control: Control) -> dict[str, Any]:
    """Return all tables as one document."""
    return dict(control.store.dump())


def drop(control: Control) -> None:
    """Remove everything that is remembered; queues at the broker stay."""
    control.may_write()
    control.store.drop()
