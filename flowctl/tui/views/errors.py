"""What failed, summed by socket and exception: from there to the calls, and back into the queues."""

from __future__ import annotations

from collections.abc import Callable

from flowctl.services import failures, queues, repeats
from flowctl.services.control import Control
from flowctl.tui.actions import Action, Danger, Deed, Group
from flowctl.tui.feeds import Read
from flowctl.tui.listview import ListView
from flowctl.tui.places import Place
from flowctl.tui.targets import Target, line
from flowctl.views.failures import failures as table
from flowctl.views.listing import Board, board
from flowctl.views.text import plural

_FAILURE = frozenset({"failure"})


def _parts(target: Target) -> tuple[str, str]:
    socket, _, kind = target.name.partition(" ")
    return socket, kind


def _retry(control: Control, target: Target, _argument: str) -> str:
    socket, kind = _parts(target)
    if kind:
        found = failures.of_group(control, target.network, socket, kind)
        count = len(repeats.retry(control, found))
    else:
        dead = queues.find(control, f"{target.network}/{socket}", dead=True)
        count = sum(queues.retry(control, dead, []).values())
    return f"{target.name}: {plural(count, 'call')} tried again"


def _forget(control: Control, target: Target, _argument: str) -> str:
    socket, kind = _parts(target)
    if not kind:
        dead = queues.find(control, f"{target.network}/{socket}", dead=True)
        return f"{dead}: {plural(queues.purge(control, dead), 'message')} to the trash"
    found = failures.of_group(control, target.network, socket, kind)
    return f"{target.name}: {plural(repeats.remove(control, found), 'failure')} forgotten"


def _command(verb: str, dead: str) -> Callable[[Target, str], str]:
    def written(target: Target, _argument: str) -> str:
        socket, kind = _parts(target)
        scope = ["-n", target.network] if target.network else []
        sure = ["-y"] if verb == "rm" else []
        if not kind:
            return line("flowctl", "queue", dead, f"{target.network}.{socket}.dead", *sure)
        return line("flowctl", *scope, "errors", verb, "--socket", socket, "--type", kind, *sure)

    return written


def _amount(target: Target) -> str:
    return plural(int(target.document.get("calls") or target.document.get("letters") or 0), "call")


CHANGES = (
    Action(
        "failure.retry", ("Q",), "try all of these again", Group.CHANGE, "object", _FAILURE,
        Danger.MODERATE,
        deed=Deed(_command("retry", "retry"), _retry, "retry", warning=_amount),
    ),
    Action(
        "failure.forget", ("D",), "forget all of these and their dead letters, for good",
        Group.CHANGE, "object", _FAILURE, Danger.SEVERE,
        deed=Deed(_command("rm", "purge"), _forget, "forget", warning=_amount),
    ),
)  # fmt: skip


class Failures(ListView):
    """A row for each socket and exception."""

    word, also = "errors", ("failures", "dead")
    words = "What failed and why, by socket and exception; what waits in dead letters"
    kind = "failure"
    period = 2.0
    actions = CHANGES

    def reader(self) -> Read:
        """Sum the newest failures."""
        network = self.selection().network

        def read(control: Control) -> Board:
            return board(table(failures.groups(control, network), control.clock.now()))

        return read

    def do_enter(self) -> None:
        """Go to the calls that failed so, or to the dead letters where no call is known."""
        target = self.target()
        if target is not None:
            kind = _parts(target)[1]
            about = Target("failure", target.name, target.network)
            self.deck.going.go(Place("calls" if kind else "peek", about), inside=True)

    def do_open(self, word: str) -> None:
        """Describe failures by their calls; anything else is as everywhere."""
        if word in ("describe", "yaml"):
            self.do_enter()
        else:
            self.deck.going.do_open(word)

    def command(self) -> str:
        """Return the listing as a command."""
        network = self.selection().network
        return line("flowctl", *(["-n", network] if network else []), "errors")
