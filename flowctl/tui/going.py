"""What the deck does at a key that only looks: going, asking, helping, copying."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowctl.tui import menu, saying
from flowctl.tui.clipboard import keep, osc52
from flowctl.tui.helping import help_lines, option_lines
from flowctl.tui.panels import Chooser, Sheet
from flowctl.tui.places import Place, Stop
from flowctl.tui.prompt import Question
from flowctl.tui.targets import Target
from flowctl.views.lines import Line, line
from flowctl.views.tones import Tone

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowctl.tui.deck import Deck

INTO = {
    "network": "processors",
    "agent": "workers",
    "processor": "workers",
    "call": "call",
    "run": "trace",
}
"""Where Enter leads from an object of a kind; from any other it describes."""


class Going:
    """Carries out looks for the deck."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck

    # Places

    def go(self, place: Place, *, inside: bool = False) -> None:
        """Go to a place."""
        deck = self._deck
        if place.view not in deck.cockpit.views:
            deck.say(f'there is no view "{place.view}"', Tone.WARN)
            return
        deck.history.here.memory = deck.view.memory()
        self.show(deck.history.go(place, inside=inside))

    def show(self, stop: Stop) -> None:
        """Show a place as it was left."""
        view = self._deck.cockpit.views[stop.place.view](stop.place)
        view.recall(stop.memory)
        self._deck.mount_view(view)

    def _jump(self, step: Callable[[], Stop | None], none: str) -> None:
        deck = self._deck
        deck.history.here.memory = deck.view.memory()
        stop = step()
        if stop is None:
            deck.say(none)
        else:
            self.show(stop)

    def do_history(self, step: int) -> None:
        """Go back or forward in time."""
        self._jump(lambda: self._deck.history.step(step), "there is nothing further that way")

    def do_last(self) -> None:
        """Go to where one was before."""
        self._jump(self._deck.history.last, "you were nowhere else yet")

    def do_view(self, word: str) -> None:
        """Go to a view; one of a single network shows that of the object under the cursor."""
        views, target = self._deck.cockpit.views, self._deck.view.target()
        if target is None or word not in views or not views[word].one_network:
            self.go(Place(word))
            return
        network = target.name if target.kind == "network" else target.network
        known = target.kind in ("processor", "plug") and not self._deck.view.one_network
        about = Target("network", network) if network else None
        self.go(Place(word, about, target.name if known else ""))

    def do_enter(self) -> None:
        """Apply what is staged, or go into the object under the cursor."""
        deck, target = self._deck, self._deck.view.target()
        if deck.stage:
            deck.actor.apply_staged()
        elif target is not None:
            into = INTO.get(target.kind, "")
            view = into if into in deck.cockpit.views else "describe"
            self.go(Place(view, _bare(target)), inside=True)

    def do_open(self, word: str) -> None:
        """Open a view about the object under the cursor."""
        target = self._deck.view.target()
        if target is None:
            self._deck.say("there is nothing under the cursor", Tone.WARN)
        else:
            self.go(Place(word, _bare(target)), inside=True)

    def do_escape(self) -> None:
        """Drop what is staged, filtered or marked; else go out."""
        if self._deck.stage:
            self._deck.stage.take()
            self._deck.view.staged_changed()
            self._deck.changed()
        elif not self._deck.view.clear():
            self.do_out(at_root=False)

    def do_quit(self) -> None:
        """Go out; at the outermost place ask whether that is the end."""
        self.do_out(at_root=True)

    def do_out(self, *, at_root: bool) -> None:
        """Go out of the present place."""
        deck = self._deck
        deck.history.here.memory = deck.view.memory()
        stop = deck.history.out()
        if stop is not None:
            self.show(stop)
        elif at_root:
            self.do_leave()
        else:
            deck.say("this is the outermost place; q leaves, ? explains the keys")

    # Asking

    def do_search(self) -> None:
        """Filter or search, at every key; Enter keeps, Esc clears."""
        view, before = self._deck.view, self._deck.view.search_start()
        hint = (
            "text  !not  ~fuzzy  key=value  ready>10" if "list" in view.scopes else "text or regex"
        )
        self._deck.ask(
            Question(
                sign="/",
                done=view.search,
                changed=view.search,
                dropped=lambda: view.search(""),
                past=self._deck.past("/"),
                start=before,
                hint=hint,
            )
        )

    def do_prompt(self) -> None:
        """Ask for a command."""
        self._deck.runner.prompt()

    def do_network(self) -> None:
        """Choose the network that is shown."""
        deck = self._deck
        deck.read_names()

        def options(text: str) -> list[tuple[Line, Callable[[], None]]]:
            names = ["", *deck.names.of("network")]
            return [
                (line(name or "all networks"), lambda name=name: self.set_network(name))  # type: ignore[misc]
                for name in names
                if text.lower() in (name or "all networks")
            ]

        deck.open_panel(Chooser("Which network?", options))

    def set_network(self, name: str) -> None:
        """Show only this network; an empty name means all."""
        self._deck.network = name
        self.show(self._deck.history.here)

    def do_menu(self) -> None:
        """Choose where to go, a theme, a recipe."""
        self._deck.open_panel(menu.Menu(self._deck))

    def do_leave(self) -> None:
        """Ask whether that is the end."""
        deck = self._deck
        deck.confirm([line("Leave the cockpit? Everything goes on running.")], deck.app.exit)

    def do_palette(self) -> None:
        """Find any action or view."""
        self._deck.open_panel(Chooser("Actions", lambda text: option_lines(self._deck, text)))

    def do_help(self) -> None:
        """Explain the keys that work here."""
        deck = self._deck
        lines = help_lines(deck.active(), deck.cockpit.keymap, deck.view)
        deck.open_panel(Sheet(f"Keys in {deck.view.word}", lines))

    def do_messages(self) -> None:
        """Show what was said, the newest at the end."""
        shown = saying.lines(self._deck.said)
        self._deck.open_panel(
            Sheet("Messages", shown, "$ is what does the same in a shell", end=True)
        )

    def do_refresh(self) -> None:
        """Look again now, and paint everything anew."""
        self._deck.view.look_again()
        self._deck.refresh(layout=True)

    # Copying

    def copy(self, text: str, what: str = "") -> None:
        """Copy a text, and keep it in a file for terminals that cannot."""
        cockpit = self._deck.cockpit
        cockpit.send(osc52(text))
        try:
            file = keep(cockpit.settings.paths.cache, text)
        except OSError as error:
            self._deck.say(f"copied; not kept in a file: {error.strerror}", Tone.WARN)
        else:
            shown = what or text.splitlines()[0]
            self._deck.say(f"copied: {shown}   (also in {file})", Tone.GOOD)

    def do_copy_command(self) -> None:
        """Copy the command that shows, or did, the same."""
        command = self._deck.view.command()
        if command:
            self.copy(command)
        else:
            self._deck.say("no single command shows the same")

    def do_copy_name(self) -> None:
        """Copy the names of what is meant."""
        names = [target.address for target in self._deck.view.targets()]
        if names:
            self.copy("\n".join(names))


def _bare(target: Target) -> Target:
    """Return a target without what the row knew, which would be old when one comes back."""
    return Target(target.kind, target.name, target.network)
