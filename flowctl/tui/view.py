"""What every view is: it says what to read and how to show it, and which objects it is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.message import Message
from textual.widget import Widget

from flowctl.tui.actions import Action
from flowctl.tui.feeds import Feed, Link, Read, Reading
from flowctl.tui.places import Place
from flowctl.tui.targets import Target
from flowctl.views.lines import Span

if TYPE_CHECKING:
    from flowctl.tui.deck import Deck


class View(Widget, inherit_bindings=False):
    """A view fills the screen between the bars. Subclasses set the names and write the methods."""

    DEFAULT_CSS = "View { height: 1fr; width: 1fr; layout: vertical; }"

    word: ClassVar[str] = ""
    """How it is called in `:` and breadcrumbs."""
    also: ClassVar[tuple[str, ...]] = ()
    """Other words for it."""
    words: ClassVar[str] = ""
    """What it shows, in a sentence."""
    key: ClassVar[str] = ""
    """The digit that leads to it, where one does."""
    scopes: ClassVar[frozenset[str]] = frozenset()
    """Whose keys work here beside the global ones and its own: `list`, `text`, `object` (it is about
    objects), `pick` (there is a cursor on one)."""
    period: ClassVar[float] = 1.0
    """Seconds between two looks; 0 looks once."""
    needs: ClassVar[bool] = False
    """Whether it is about one object and cannot be opened without."""
    takes: ClassVar[bool] = False
    """Whether it can be about one object: `:logs proc/parse` beside `:logs`."""
    one_network: ClassVar[bool] = False
    """Whether it shows one network: that of the object one comes from."""
    actions: ClassVar[tuple[Action, ...]] = ()
    """Actions of its own; their scope is its word."""

    class Fresh(Message, bubble=False):
        """A reading came."""

        def __init__(self, reading: Reading) -> None:
            super().__init__()
            self.reading = reading

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.reading = Reading()
        self._feed: Feed | None = None
        self._since: datetime | None = None

    @property
    def deck(self) -> Deck:
        """The screen around it."""
        return cast("Deck", self.screen)

    def reader(self) -> Read:
        """Return what reads for this view; it runs in a thread and touches no widget."""
        return lambda _control: None

    def show(self, value: Any, *, stale: bool) -> None:
        """Show a value that was read; with `stale` it may be true no more."""

    def target(self) -> Target | None:
        """Return the object under the cursor."""
        return self.place.about

    def targets(self) -> list[Target]:
        """Return what an act is about: what is marked, or the object under the cursor."""
        found = self.target()
        return [found] if found else []

    def hidden(self) -> list[Target]:
        """Return what is marked and cannot be seen."""
        return []

    def heading(self) -> list[Span]:
        """Return the line above the view."""
        return [Span(self.words)]

    def command(self) -> str:
        """Return the command that shows the same; empty where there is none."""
        return ""

    def memory(self) -> dict[str, Any]:
        """Return what is worth keeping when one comes back here."""
        return {}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Be as one left it."""

    def search_start(self) -> str:
        """Return what `/` begins with."""
        return ""

    def search(self, text: str) -> None:
        """Take what is typed after `/`, at every key."""

    def clear(self) -> bool:
        """Drop what is filtered or marked; tell whether there was any."""
        return False

    def staged_changed(self) -> None:
        """Show what is staged on the objects themselves, where they are seen."""

    # What follows is the same for all.

    def on_mount(self) -> None:
        """Begin to read."""
        self._since = self.deck.now()
        self._feed = Feed(
            self.deck.office,
            self.reader(),
            self.period or 3600.0,
            self._deliver,
        )

    def _deliver(self, reading: Reading) -> None:
        """Hand a reading over to the thread of the screen."""
        self.post_message(View.Fresh(reading))

    def on_unmount(self) -> None:
        """Read no more."""
        if self._feed:
            self._feed.stop()

    def on_view_fresh(self, event: Fresh) -> None:
        """Show what came."""
        self.reading = event.reading
        self.display_reading()

    def display_reading(self) -> None:
        """Show the newest reading as it stands now."""
        stale = self.link() is not Link.CONNECTED
        if self.reading.at is not None:
            self.show(self.reading.value, stale=stale)
        self.deck.changed()

    def link(self) -> Link:
        """Tell how it stands with what is shown."""
        if not self.period and self.reading.at:
            return Link.CONNECTED
        found = self.reading.link(self.deck.now(), self.period)
        late = self._since and (self.deck.now() - self._since).total_seconds() > 4 * self.period + 1
        return Link.STALE if found is Link.WAITING and late else found

    def look_again(self) -> None:
        """Read now, with the reader as it is now."""
        if self._feed:
            self._feed.read = self.reader()
            self._feed.refresh()
