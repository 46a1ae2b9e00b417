"""Views that are a text about one object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from textual.widget import Widget

from flowctl.tui.pager import Pager
from flowctl.tui.places import Place
from flowctl.tui.prompt import Question
from flowctl.tui.view import View
from flowctl.views.lines import Line, Span
from flowctl.views.tones import Tone


class TextView(View):
    """A text that scrolls and is searched. Readers return lines."""

    scopes = frozenset({"text"})
    period = 2.0

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.pager = Pager()
        self._searched = ""

    def compose(self) -> Iterator[Widget]:
        """Put the pager in."""
        yield self.pager

    def lines(self, value: Any) -> Sequence[Line]:
        """Return what a reading looks like."""
        return list(value)

    def show(self, value: Any, *, stale: bool) -> None:
        """Show the text."""
        self.pager.set_text(self.lines(value))

    def heading(self) -> list[Span]:
        """Tell what it is, where one is in it, and what is searched for."""
        pager = self.pager
        last = min(pager.top + pager.page, len(pager.shown))
        found = [Span(self.place.crumb, Tone.STRONG)]
        found.append(Span(f"  {last}/{len(pager.shown)}", Tone.DIM))
        if self._searched:
            found += [Span("  /"), Span(self._searched, Tone.MATCH)]
            found.append(Span(f" {pager.matches()} lines", Tone.DIM))
        if pager.only_matches:
            found.append(Span("  only what matches", Tone.WARN))
        return found

    def memory(self) -> dict[str, Any]:
        """Keep the place in the text."""
        return {"top": self.pager.top, "wrap": self.pager.wrap}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Be as one left it."""
        self.pager.top, self.pager.wrap = memory.get("top", 0), memory.get("wrap", False)

    def search_start(self) -> str:
        """Go on with the search as it is."""
        return self._searched

    def search(self, text: str) -> None:
        """Mark what matches and go there; everything else stays where it is."""
        self._searched = text
        self.pager.search(text)
        self.deck.changed()

    def clear(self) -> bool:
        """End the search."""
        if not self._searched:
            return False
        self.pager.only_matches = False
        self.search("")
        return True

    def on_pager_moved(self) -> None:
        """Tell the bars."""
        self.deck.changed()

    def do_move(self, step: int) -> None:
        """Scroll."""
        self.pager.move(step)

    def do_page(self, part: float) -> None:
        """Scroll by a part of the page."""
        self.pager.move(int(self.pager.page * part))

    def do_edge(self, side: int) -> None:
        """Scroll to the beginning or the end."""
        self.pager.move(side * len(self.pager.shown))

    def do_shift(self, step: int) -> None:
        """Scroll to the side."""
        self.pager.shift(step)

    def do_find(self, step: int) -> None:
        """Go to the next or the last match."""
        if not self.pager.find(step):
            self.deck.say("nothing matches: type / to search", Tone.WARN)

    def do_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.pager.wrap = not self.pager.wrap
        self.pager.lay_out()

    def do_only_matches(self) -> None:
        """Show only lines that match, or all."""
        self.pager.only_matches = not self.pager.only_matches
        self.pager.lay_out()

    def do_copy_text(self) -> None:
        """Copy all of it."""
        self.deck.going.copy(self._whole(), f"{len(self.pager.source)} lines")

    def do_save_text(self) -> None:
        """Ask for a file and write it there."""
        name = self.place.crumb.replace("/", ".").replace(" ", "-")
        self.deck.ask(Question(sign="save to: ", done=self._save, start=f"{name}.txt"))

    def _save(self, name: str) -> None:
        file = Path(name).expanduser()
        try:
            with file.open("x") as stream:
                stream.write(self._whole())
        except OSError as error:
            self.deck.say(f"{file}: {(error.strerror or str(error)).lower()}", Tone.BAD)
        else:
            self.deck.say(f"saved to {file.absolute()}", Tone.GOOD)

    def _whole(self) -> str:
        return "".join(f"{line.text}\n" for line in self.pager.source)
