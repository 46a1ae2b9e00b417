"""Every error that flowctl raises on purpose.

An error says what happened (`message`) and what to do about it (`remedy`). `temporary` is the one
fact that retry logic needs: the same act may succeed later, with nothing changed.
Errors of libraries are turned into these at the room that owns the library, chained with `from`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class FlowError(Exception):
    """The root: a sentence for a person, and a remedy where one is known."""

    temporary: ClassVar[bool] = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class NotFound(FlowError):
    """No object of that kind has that name."""

    def __init__(self, kind: str, name: str, *, near: str = "", remedy: str = "") -> None:
        hint = f' (did you mean "{near}"?)' if near else ""
        super().__init__(f'{kind} "{name}" not found{hint}', remedy=remedy)
        self.kind = kind
        self.name = name
        self.near = near


class Conflict(FlowError):
    """Somebody else changed it first, or the name is taken; read again and decide again."""


class Refused(FlowError):
    """The act is not allowed in the present state of the object."""


class Denied(FlowError):
    """The person or component may not do this."""


class Misconfigured(FlowError):
    """A setting, an environment variable or a configuration file cannot be used."""


class InvalidInput(FlowError):
    """A value given by a person (argument, payload, expression) cannot be used."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint about a recipe, with its place."""

    message: str
    line: int = 0
    """1-based; 0 where the complaint has no place in the text."""
    column: int = 0
    path: str = ""
    """The place in the document, such as `processors.parse.cpus`."""
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}: " if self.line else ""
        where = f"{self.path}: " if self.path else ""
        hint = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{where}{self.message}{hint}"


class RecipeError(FlowError):
    """A recipe has problems; all of them are told at once."""

    def __init__(self, problems: tuple[Problem, ...], *, source: str = "recipe") -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{source}: {count}")
        self.problems = problems
        self.source = source


class Malformed(FlowError):
    """A message on the wire cannot be read; it is never executed and never retried."""


class TooLarge(FlowError):
    """A message, result or document is over its limit."""


class Unavailable(FlowError):
    """A part that we depend on does not answer now."""

    temporary = True


class BrokerUnavailable(Unavailable):
    """The broker does not answer; messages that it confirmed are safe."""


class StateUnavailable(Unavailable):
    """The state database does not answer."""


class SchemaMismatch(FlowError):
    """The database has an older or newer schema than this program."""

    def __init__(self, found: int, wanted: int) -> None:
        older = found < wanted
        super().__init__(
            f"the database has schema {found}, this flowctl needs {wanted}",
            remedy="run `flowctl db migrate`" if older else "upgrade flowctl on this host",
        )
        self.found = found
        self.wanted = wanted


class PublishFailed(FlowError):
    """The broker refused or could not route some messages; the others were confirmed."""

    def __init__(self, reasons: dict[str, str], *, accepted: tuple[str, ...] = ()) -> None:
        first = next(iter(reasons.items()), ("", ""))
        were = "1 message was" if len(reasons) == 1 else f"{len(reasons)} messages were"
        full = "full" in reasons.values()
        super().__init__(
            f"{were} not accepted; {first[0]}: {first[1]}",
            remedy="send again when its processor has caught up" if full else "",
        )
        self.accepted = accepted
        """The ids of those that were confirmed, where the sender asked for several."""
        self.reasons = reasons
        """Message id to reason: `full`, `unroutable`, `refused` or `too large`."""


class QueueMismatch(FlowError):
    """A queue exists with other arguments than the model wants."""


class CallFailed(FlowError):
    """The call ended in failure; `failure` in the record says how.

    What the code of the call raised comes as text, never as a foreign class rebuilt here.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        kind: str = "",
        traceback: str = "",
        socket: str = "",
        call_id: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.kind = kind
        """The name of the exception there, or one of `timeout`, `killed`, `cancelled` ..."""
        self.traceback = traceback
        """The traceback of the other side; shown below ours where nobody catches this."""
        self.socket = socket
        self.call_id = call_id
        if traceback:
            self.add_note(traceback.rstrip())


class TimedOut(FlowError):
    """What was waited for did not happen in time."""


class BuildFailed(FlowError):
    """The source or the environment of a processor cannot be had; `log` names the file that says more."""

    def __init__(self, message: str, *, log: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.log = log
