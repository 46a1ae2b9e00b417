"""The exit codes, in one table, and the code of each error."""

from __future__ import annotations

from flowctl import errors

OK = 0
FAILED = 1
USAGE = 2
PARTIAL = 3
NOT_FOUND = 4
CONFLICT = 5
DENIED = 6
UNREACHABLE = 7
UNHEALTHY = 8
CHANGES = 9
BAD_INPUT = 10
TIMEOUT = 124
INTERRUPTED = 130
CLOSED_PIPE = 141

MEANINGS = {
    OK: "it worked",
    FAILED: "it failed; also: the call failed",
    USAGE: "the command line or a setting is wrong",
    PARTIAL: "done for some, failed for others",
    NOT_FOUND: "there is no such object",
    CONFLICT: "somebody else changed it, or it is not allowed in the present state",
    DENIED: "not permitted, or read-only",
    UNREACHABLE: "the database, the broker or a host does not answer",
    UNHEALTHY: "status or doctor found something wrong",
    CHANGES: "plan --exit-code or diff --exit-code: there are changes",
    BAD_INPUT: "a recipe or another input cannot be read",
    TIMEOUT: "what was waited for did not happen in time",
    INTERRUPTED: "Ctrl-C",
    CLOSED_PIPE: "the reader of stdout went away",
}

_CODES: tuple[tuple[type[errors.FlowError], int], ...] = (
    (errors.NotFound, NOT_FOUND),
    (errors.Conflict, CONFLICT),
    (errors.Refused, CONFLICT),
    (errors.SchemaMismatch, CONFLICT),
    (errors.QueueMismatch, CONFLICT),
    (errors.Denied, DENIED),
    (errors.Misconfigured, USAGE),
    (errors.InvalidInput, USAGE),
    (errors.RecipeError, BAD_INPUT),
    (errors.Malformed, BAD_INPUT),
    (errors.TooLarge, BAD_INPUT),
    (errors.Unavailable, UNREACHABLE),
    (errors.PublishFailed, PARTIAL),
    (errors.TimedOut, TIMEOUT),
    (errors.CallFailed, FAILED),
)


def code_of(error: errors.FlowError) -> int:
    """Return the exit code of an error.

    >>> code_of(errors.NotFound("queue", "orders"))
    4
    """
    if isinstance(error, errors.PublishFailed) and not error.accepted:
        return FAILED
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
