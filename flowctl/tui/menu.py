"""The menu: where one can go, recipes, dead letters, themes that are worn while one chooses, help."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from flowctl.tui.helping import Option, sifted, view_options
from flowctl.tui.palette import LOOKS
from flowctl.tui.panels import Chooser
from flowctl.tui.places import Place
from flowctl.tui.prompt import Question
from flowctl.views.lines import line
from flowctl.views.tones import Tone

if TYPE_CHECKING:
    from flowctl.tui.deck import Deck


def options(deck: Deck, text: str) -> list[Option]:
    """Return what the menu offers for a text."""
    views = view_options(deck)
    keyed = [option for option in views if option[0].text.strip()[0].isdigit()]
    first = sorted(keyed, key=lambda option: option[0].text)
    rest = [option for option in views if option not in first]
    return sifted([*first, *_others(deck), *rest], text)


class Menu(Chooser):
    """The menu, as long as there is room for."""

    most = 40

    def __init__(self, deck: Deck) -> None:
        super().__init__("flowctl", lambda text: options(deck, text))


def _others(deck: Deck) -> list[Option]:
    going, cockpit = deck.going, deck.cockpit
    dead = Place("queues", filter="role=dead ready>0")
    readonly = "on until the end of this session" if cockpit.readonly else "off; Enter turns it on"
    return [
        _option("", "dead letters", "what nobody could get done; Q sends it back", partial(going.go, dead)),
        _option("", "plan", "what a recipe would change", partial(_typed, deck, "plan ")),
        _option("", "apply", "have things as a recipe says", partial(_typed, deck, "apply -y ")),
        _option("@", "network", f"which is shown: {deck.context}", going.do_network),
        _option("", "theme", f"{cockpit.look.name}: {cockpit.look.words}", partial(themes, deck)),
        _option("", "read-only", readonly, partial(deck.runner.run, "readonly")),
        _option("H", "messages", "what was said and done, with times", going.do_messages),
        _option("?", "help", "the keys that work here", going.do_help),
        _option("", "quit", "leave; everything goes on running", going.do_leave),
    ]  # fmt: skip


def _option(key: str, word: str, words: str, act: Callable[[], None]) -> Option:
    return line((f"{key:>6}  ", Tone.HEAD), f"{word:<14}", (words, Tone.DIM)), act


def _typed(deck: Deck, start: str) -> None:
    """Begin a command that the person goes on with."""
    deck.ask(
        Question(sign=":", done=deck.runner.run, start=start, hint="a recipe: a folder or a file")
    )


def themes(deck: Deck) -> None:
    """Let a person choose a theme."""
    deck.open_panel(Themes(deck))


class Themes(Chooser):
    """The themes; the one under the cursor is worn at once, Esc puts the old one back."""

    foot = "up and down try   Enter takes   Esc puts the old one back"

    def __init__(self, deck: Deck) -> None:
        super().__init__("Which theme?", self._named)
        self._cockpit = deck.cockpit
        self._before = deck.cockpit.look.name
        self._chosen = list(LOOKS).index(self._before)

    def _named(self, text: str) -> list[Option]:
        return [
            (line(f"{name:<12}", (look.words, Tone.DIM)), partial(self._cockpit.wear, name))
            for name, look in LOOKS.items()
            if text.lower() in name
        ]

    def key(self, key: str, character: str | None) -> None:
        """Take a key, and wear what is under the cursor now."""
        super().key(key, character)
        if key == "escape":
            self._cockpit.wear(self._before)
        elif key != "enter" and (found := self._named(self.typed.text)):
            found[min(self._chosen, len(found) - 1)][1]()
