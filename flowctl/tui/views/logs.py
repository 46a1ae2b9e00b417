"""Logs of daemons, workers and functions, of all hosts, merged by time, as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from textual.widget import Widget

from flowctl.services.control import Control
from flowctl.services.hostlogs import Everywhere
from flowctl.services.logs import Filter
from flowctl.services.tails import Piece
from flowctl.tui.actions import Action, Group
from flowctl.tui.feeds import Read
from flowctl.tui.pager import pattern_of
from flowctl.tui.panels import Chooser
from flowctl.tui.places import Place
from flowctl.tui.prompt import Question
from flowctl.tui.scroll import Scroll
from flowctl.tui.targets import line as command_line
from flowctl.tui.view import View
from flowctl.views.lines import Line, Span, line
from flowctl.views.logbook import LEVELS, Meter, Show
from flowctl.views.text import count, duration, plural
from flowctl.views.tones import Tone

SINCE = {"1m": 60.0, "5m": 300.0, "15m": 900.0, "1h": 3600.0, "all": 0.0}
"""What `'` offers."""
BEHIND = 1.0
"""Seconds of delay from which on it is told."""
_SHOWS = {Show.ALL: Show.ONLY, Show.ONLY: Show.AROUND, Show.AROUND: Show.ALL}
_STAMPS = {"time": "full", "full": "none", "none": "time"}


def _act(name: str, key: str, words: str, does: str) -> Action:
    return Action(f"logs.{name}", (key,), words, Group.LOGS, "logs", does=does)


class Logs(View):
    """The logs of everything, or of what one came from."""

    word, also = "logs", ("log",)
    words = "What daemons, workers and functions say, of all hosts, merged by time"
    key = "7"
    takes = True
    scopes = frozenset({"text"})
    period = 0.5
    actions = (
        _act("follow", "s", "follow new lines, or stand still", "do_follow"),
        _act("level", "v", "from which level on: all, info, warning, error", "do_level"),
        _act("stamps", "t", "the time, with the date, or none", "do_stamps"),
        _act("since", "'", "since when", "do_since"),
        _act("mark", "m", "draw a line below what there is now", "do_rule"),
        _act("json", "J", "lay JSON out", "do_pretty"),
        _act("clear", "E", "empty the screen; the logs stay", "do_empty"),
        _act("previous", "p", "back to the oldest lines there are", "do_previous"),
    )

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.scroll = Scroll()
        self.since = "all"
        self.dropped = 0
        self._meter, self._lag = Meter(), 0.0
        self._searched, self._piece, self._fresh = "", None, 0

    def compose(self) -> Iterator[Widget]:
        """Put the window in."""
        yield self.scroll

    # Reading

    def names(self) -> tuple[str, ...]:
        """Return whose lines are wanted."""
        about = self.place.about
        if about is not None:
            return (about.name,)
        return (self.deck.network,) if self.deck.network else ()

    def reader(self) -> Read:
        """Follow the logs from here on."""
        seconds = SINCE[self.since]
        since = self.deck.now() - timedelta(seconds=seconds) if seconds else None
        tail = Everywhere(Filter(names=self.names(), since=since))

        def read(control: Control) -> Piece:
            return tail.poll(control)

        return read

    def show(self, value: Any, *, stale: bool) -> None:
        """Add what is new; the same piece comes again while nothing newer does."""
        if value is self._piece:
            return
        self._piece = value
        if value.first:
            self.scroll.book.clear()
            self._meter, self.dropped, self._fresh = Meter(), 0, 0
        self._meter.add(value.at, value.came)
        self._lag = value.lag
        self.dropped += value.dropped
        self._fresh = 0 if self.scroll.follow else self._fresh + len(value.lines)
        if value.lines or value.first:
            self.scroll.book.add(value.lines)
            self.scroll.lay_out()

    # What it says of itself

    def heading(self) -> list[Span]:
        """Tell whose lines, how fast they come, how far behind they are, what was left out."""
        found = [Span(self._whose(), Tone.STRONG), *self._pace()]
        sieve = self.scroll.sieve
        if self.since != "all":
            found.append(Span(f"  since {self.since}", Tone.NOTE))
        if sieve.level:
            found.append(Span(f"  {sieve.level} and worse", Tone.NOTE))
        if self._searched:
            found += [Span("  /"), Span(self._searched, Tone.MATCH)]
            found.append(Span(f" {plural(self.scroll.matches, 'line')}", Tone.DIM))
            only = {Show.ALL: "", Show.ONLY: " only", Show.AROUND: " with 3 around"}
            found.append(Span(only[sieve.show], Tone.WARN))
        return found

    def _whose(self) -> str:
        about = self.place.about
        if about is not None:
            return f"{about.kind} {about.address}"
        return f"all of {self.deck.network}" if self.deck.network else "everything"

    def _pace(self) -> list[Span]:
        behind = self.behind()
        fresh = f"  standing still, {count(self._fresh)} new below"
        return [
            Span("  following", Tone.GOOD) if self.scroll.follow else Span(fresh, Tone.WARN),
            Span(f"  {count(round(self._meter.rate))} lines/s", Tone.NOTE),
            Span(f"  {duration(round(behind))} behind", Tone.BAD)
            if behind > BEHIND
            else Span("  live", Tone.GOOD),
            Span(f"  {self.dropped:,} dropped", Tone.BAD if self.dropped else Tone.DIM),
        ]

    def behind(self) -> float:
        """Return by how many seconds what is seen may be behind what was written."""
        return max(self._lag, self.reading.age(self.deck.now()))

    def command(self) -> str:
        """Return the same as a command."""
        since = ["--since", self.since] if self.since != "all" else []
        grep = ["--grep", self._searched] if self._searched else []
        follow = ["-f"] if self.scroll.follow else []
        return command_line("flowctl", "logs", *self.names(), *follow, *since, *grep)

    def memory(self) -> dict[str, Any]:
        """Keep how it was looked at."""
        scroll = self.scroll
        return {"since": self.since, "searched": self._searched, "wrap": scroll.wrap,
                "sieve": scroll.sieve, "style": scroll.style_of}  # fmt: skip

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Be as one left it; the lines are read anew."""
        scroll = self.scroll
        self.since = memory.get("since", "all")
        self._searched, scroll.wrap = memory.get("searched", ""), memory.get("wrap", False)
        scroll.sieve = memory.get("sieve", scroll.sieve)
        scroll.style_of = memory.get("style", scroll.style_of)

    # Searching

    def search_start(self) -> str:
        """Go on with the search as it is."""
        return self._searched

    def search(self, text: str) -> None:
        """Mark what matches; everything else stays where it is."""
        self._searched, pattern = text, pattern_of(text)
        show = self.scroll.sieve.show if pattern else Show.ALL
        self._sift(pattern=pattern, show=show)

    def clear(self) -> bool:
        """End the search."""
        if not self._searched:
            return False
        self.scroll.hit = None
        self.search("")
        return True

    def _sift(self, **changed: Any) -> None:
        self.scroll.sieve = replace(self.scroll.sieve, **changed)
        self.scroll.lay_out()
        self.deck.changed()

    def do_find(self, step: int) -> None:
        """Go to the next or the last match; what stands around it stays."""
        if not self.scroll.find(step):
            self.deck.say("nothing matches: type / to search", Tone.WARN)

    def do_only_matches(self) -> None:
        """Show only what matches, then with some lines around, then all."""
        sieve = self.scroll.sieve
        if sieve.pattern is None:
            self.deck.say("type / to search first; & then leaves only what matches", Tone.WARN)
        else:
            self._sift(show=_SHOWS[sieve.show])

    def do_level(self) -> None:
        """Leave out what matters less."""
        at = LEVELS.index(self.scroll.sieve.level)
        self._sift(level=LEVELS[(at + 1) % len(LEVELS)])

    # Moving

    def on_scroll_moved(self) -> None:
        """Tell the bars."""
        if self.scroll.follow:
            self._fresh = 0
        self.deck.changed()

    def do_move(self, step: int) -> None:
        """Scroll."""
        self.scroll.move(step)

    def do_page(self, part: float) -> None:
        """Scroll by a part of the page."""
        self.scroll.move(int(self.scroll.page * part))

    def do_edge(self, side: int) -> None:
        """Go to the oldest line, or to the newest and follow."""
        self.scroll.edge(side)

    def do_shift(self, step: int) -> None:
        """Scroll to the side."""
        self.scroll.shift(step)

    def do_follow(self) -> None:
        """Follow, or stand still."""
        self.scroll.follow = not self.scroll.follow
        self.scroll.draw()

    def do_previous(self) -> None:
        """Go to the oldest lines that there are."""
        self.scroll.edge(-1)
        if self.since != "all":
            self._start("all")

    # How it looks

    def do_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.scroll.wrap = not self.scroll.wrap
        self.scroll.draw()

    def do_stamps(self) -> None:
        """Show the time, with the date, or none."""
        style = self.scroll.style_of
        self._restyle(stamp=_STAMPS[style.stamp])

    def do_pretty(self) -> None:
        """Lay JSON out, or leave it in its line."""
        self._restyle(pretty=not self.scroll.style_of.pretty)

    def _restyle(self, **changed: Any) -> None:
        self.scroll.style_of = replace(self.scroll.style_of, **changed)
        self.scroll.draw()

    def do_rule(self) -> None:
        """Draw a line below what there is."""
        self.scroll.book.rule(self.deck.now())
        self.scroll.lay_out()

    def do_empty(self) -> None:
        """Empty the screen; the logs themselves stay."""
        self.scroll.book.clear()
        self.scroll.lay_out()

    def do_since(self) -> None:
        """Choose since when."""

        def options(text: str) -> list[tuple[Line, Callable[[], None]]]:
            return [
                (line(_said(word)), lambda word=word: self._start(word))  # type: ignore[misc]
                for word in SINCE
                if text in _said(word)
            ]

        self.deck.open_panel(Chooser("Since when?", options))

    def _start(self, since: str) -> None:
        self.since = since
        self.look_again()

    # Taking along

    def do_copy_text(self) -> None:
        """Copy what is seen through search and level."""
        shown = plural(len(self.scroll.shown), "line")
        self.deck.going.copy(self.scroll.text(), shown)

    def do_save_text(self) -> None:
        """Ask for a file and write it there."""
        name = self.place.crumb.replace("/", ".").replace(" ", "-")
        self.deck.ask(Question(sign="save to: ", done=self._save, start=f"{name}.txt"))

    def _save(self, name: str) -> None:
        file = Path(name).expanduser()
        try:
            with file.open("x") as stream:
                stream.write(self.scroll.text())
        except OSError as error:
            self.deck.say(f"{file}: {(error.strerror or str(error)).lower()}", Tone.BAD)
        else:
            self.deck.say(f"saved to {file.absolute()}", Tone.GOOD)


def _said(word: str) -> str:
    return "everything there is" if word == "all" else f"the last {word}"
