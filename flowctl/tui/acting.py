"""Changes: asked where they must be, done in a thread, told with their command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from flowctl.errors import FlowError
from flowctl.model.journal import Entry
from flowctl.services import undo
from flowctl.services.control import Control
from flowctl.tui import asking
from flowctl.tui.actions import Action, Deed
from flowctl.tui.feeds import Unexpected
from flowctl.tui.panels import Dialog
from flowctl.tui.prompt import Question
from flowctl.tui.targets import Target
from flowctl.views.tones import Tone

if TYPE_CHECKING:
    from flowctl.tui.deck import Deck

Order = tuple[Action, Target, str]
"""What is to be done: an action, to whom, with which argument."""


class Actor:
    """Carries out changes for the deck."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck

    def start(self, action: Action) -> None:
        """Do an action to what the view is about."""
        view = self._deck.view
        self.start_with(action, view.targets(), view.hidden())

    def start_with(
        self,
        action: Action,
        targets: Sequence[Target],
        hidden: Sequence[Target] = (),
        argument: str = "",
    ) -> None:
        """Do an action to some targets, after a question where one is due."""
        scene = self._deck.scene(targets, hidden)
        if why := asking.refusal(action, scene):
            self._deck.say(why, Tone.WARN)
            return
        deed, chosen = action.deed, asking.fitting(action, targets)
        assert deed is not None
        if deed.argument and not argument:
            self._deck.ask(
                Question(
                    sign=f"{deed.verb} {chosen[0].address} {deed.argument}: ",
                    done=lambda text: self._decide(action, chosen, hidden, text.strip()),
                )
            )
        else:
            self._decide(action, chosen, hidden, argument)

    def command(self, action: Action, targets: Sequence[Target], argument: str) -> None:
        """Do what was typed as a command: what is named may be out of sight, so nothing is stale."""
        if self._deck.cockpit.readonly:
            self._deck.say("read-only: nothing is changed from here", Tone.WARN)
        else:
            self._decide(action, list(targets), (), argument)

    def _decide(
        self, action: Action, targets: list[Target], hidden: Sequence[Target], argument: str
    ) -> None:
        if action.deed and action.deed.argument and not argument:
            self._deck.say("nothing was changed")
            return
        orders = [(action, target, argument) for target in targets]
        if asking.asks(action, targets, argument):
            self._deck.open_panel(self._dialog(action, targets, hidden, argument, orders))
        else:
            self.do(orders)

    def _dialog(
        self,
        action: Action,
        targets: list[Target],
        hidden: Sequence[Target],
        argument: str,
        orders: list[Order],
    ) -> Dialog:
        written = asking.commands(action, targets, argument)
        more = f"  (and {len(written) - 1} more)" if len(written) > 1 else ""
        return Dialog(
            asking.question(action, targets, hidden, self._deck.context),
            lambda: self.do(orders),
            name=asking.spelled(action, targets),
            command=f"{written[0]}{more}",
            copy=lambda _shown: self._deck.copy("\n".join(written)),
        )

    # Staging

    def do_stage(self, step: int) -> None:
        """Stage one cpu more or less for what is marked, or for what is under the cursor."""
        deck = self._deck
        known = [deck.stage.add(each, step) for each in deck.view.targets()]
        if not any(known):
            deck.say("its cpus are not known yet", Tone.WARN)
        deck.view.staged_changed()
        deck.changed()

    def apply_staged(self) -> None:
        """Scale as staged; to nothing only after a question."""
        deck, action = self._deck, self._deck.cockpit.registry["processor.scale"]
        staged = deck.stage.take()
        deck.view.staged_changed()
        deck.changed()
        orders = [(action, each.target, str(each.wanted)) for each in staged]
        if why := asking.refusal(action, deck.scene([each.target for each in staged], ())):
            deck.say(why, Tone.WARN)
        elif ended := [each.target for each in staged if each.wanted == 0]:
            asked = asking.question(action, ended, (), deck.context)
            command = asking.commands(action, ended, "0")[0]
            deck.open_panel(Dialog(asked, lambda: self.do(orders), command=command))
        else:
            self.do(orders)

    # Undo

    def do_undo(self) -> None:
        """Take back the last change that was made by this person."""
        self.shift("flowctl undo", undo.undo)

    def do_redo(self) -> None:
        """Do again what was taken back."""
        self.shift("flowctl redo", undo.redo)

    def shift(self, command: str, act: Callable[[Control], Sequence[Entry]]) -> None:
        """Take something back or carry it out again, in a thread."""
        if self._deck.cockpit.readonly:
            self._deck.say("read-only: nothing is changed from here", Tone.WARN)
            return

        def job(control: Control) -> str:
            done = act(control)
            return "; ".join(f"{each.action} {' '.join(each.objects)}" for each in done)

        self._deck.office.assign(
            self._told(
                job, command, "redone: " if command.startswith("flowctl redo") else "undone: "
            )
        )

    # Doing

    def do(self, orders: Sequence[Order]) -> None:
        """Do it now, in a thread, one after the other; undo takes all of it back."""
        written = [
            action.deed.command(target, argument)
            for action, target, argument in orders
            if action.deed
        ]
        whole = "; ".join(written)

        def job(control: Control) -> None:
            acting = control.acting("ui", whole)
            for (action, target, argument), command in zip(orders, written, strict=True):
                assert action.deed is not None
                self._say(acting, partial(_act, action.deed, target, argument), command)

        self._deck.office.assign(job)

    def _told(
        self, act: Callable[[Control], str], command: str, lead: str = ""
    ) -> Callable[[Control], None]:
        return lambda control: self._say(control.acting("ui", command), act, command, lead)

    def _say(
        self, control: Control, act: Callable[[Control], str], command: str, lead: str = ""
    ) -> None:
        """Do something and tell what came of it."""
        try:
            said, tone = lead + act(control), Tone.GOOD
        except FlowError as error:
            said, tone = _sentence(error), Tone.BAD
        except Exception as error:  # noqa: BLE001 - an act that fails must not end the cockpit
            said, tone = _sentence(Unexpected(error)), Tone.BAD
        self._deck.tell(said, tone, command)


def _act(deed: Deed, target: Target, argument: str, control: Control) -> str:
    return deed.act(control, target, argument)


def _sentence(error: FlowError) -> str:
    return f"{error.message}; {error.remedy}" if error.remedy else error.message
