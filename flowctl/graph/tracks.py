"""How lines change their place between two layers: each on a track, none upon another.

A line comes in at one place and goes out at another; in between it runs along a *track*. Two lines
share a track only where they do not meet there, and a line that comes in where another goes out
turns off before that one arrives, so no two lines ever share a cell but where they cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush


@dataclass(slots=True)
class _Bend:
    """A part of a line that runs along one track."""

    line: int
    begin: int
    end: int
    follows: int = -1
    """The bend that must lie on a later track than this one."""
    free: bool = True
    """Whether nothing must lie before it."""
    track: int = 0
    low: int = field(init=False)
    high: int = field(init=False)

    def __post_init__(self) -> None:
        self.low, self.high = min(self.begin, self.end), max(self.begin, self.end)


Moves = list[list[tuple[int, int]]]
"""Of every line its moves, each a track and the place it runs to; none where it is straight."""


def route(lines: Sequence[tuple[int, int]]) -> tuple[Moves, int]:
    """Return the moves of lines, given as the places where they come in and go out, and how many
    tracks they need. No two come in at one place, no two go out at one.
    """
    bends = [_Bend(number, a, b) for number, (a, b) in enumerate(lines) if a != b]
    taken = {place for line in lines for place in line}
    bends = _untangle(bends, taken)
    ending = {bend.end: number for number, bend in enumerate(bends)}
    for bend in bends:
        follows = ending.get(bend.begin, -1)
        # The two parts of a cut bend are kept in order by the rest of their ring.
        if follows >= 0 and bends[follows].line != bend.line:
            bend.follows = follows
            bends[follows].free = False
    count = _assign(bends)
    moves: Moves = [[] for _ in lines]
    for bend in sorted(bends, key=lambda each: each.track):
        moves[bend.line].append((bend.track, bend.end))
    return moves, count


def _untangle(bends: list[_Bend], taken: set[int]) -> list[_Bend]:
    """Cut a bend of every ring of bends that would each have to lie before the next."""
    beginning = {bend.begin: bend for bend in bends}
    seen: set[int] = set()
    found = []
    for bend in bends:
        if bend.line not in seen and _in_ring(bend, beginning, seen):
            place = _free_place(bend, taken)
            taken.add(place)
            found += [
                _Bend(bend.line, bend.begin, place),
                _Bend(bend.line, place, bend.end),
            ]
        else:
            found.append(bend)
    return found


def _in_ring(first: _Bend, beginning: dict[int, _Bend], seen: set[int]) -> bool:
    bend: _Bend | None = first
    while bend is not None and bend.line not in seen:
        seen.add(bend.line)
        bend = beginning.get(bend.end)
        if bend is first:
            return True
    return False


def _free_place(bend: _Bend, taken: set[int]) -> int:
    """Return the free place nearest to the middle of a bend."""
    middle, away = (bend.begin + bend.end) // 2, 0
    while True:
        for place in (middle + away, middle - away):
            if place >= 0 and place not in taken:
                return place
        away += 1


def _assign(bends: list[_Bend]) -> int:
    """Give every bend its track and return how many there are."""
    waiting: list[tuple[int, int, int]] = []
    for number, bend in enumerate(bends):
        if bend.free:
            heappush(waiting, (*_urgency(bend), number))
    tracks: list[list[_Bend]] = []
    least = [0] * len(bends)
    while waiting:
        number = heappop(waiting)[2]
        bend = bends[number]
        bend.track = _track(tracks, bend, least[number])
        if bend.track == len(tracks):
            tracks.append([])
        tracks[bend.track].append(bend)
        if bend.follows >= 0:
            least[bend.follows] = bend.track + 1
            heappush(waiting, (*_urgency(bends[bend.follows]), bend.follows))
    return len(tracks)


def _urgency(bend: _Bend) -> tuple[int, int]:
    """The outermost of those that run the same way turn first: so they do not cross."""
    return (0, -bend.begin) if bend.end > bend.begin else (1, bend.begin)


def _track(tracks: list[list[_Bend]], bend: _Bend, least: int) -> int:
    """Return the first track after all bends that run the same way and overlap."""
    low, high, right = bend.low, bend.high, bend.end > bend.begin
    first = least
    for number in range(len(tracks) - 1, least - 1, -1):
        if any(
            other.low <= high and low <= other.high and (other.end > other.begin) is right
            for other in tracks[number]
        ):
            first = number + 1
            break
    for number in range(first, len(tracks)):
        if all(other.high < low or high < other.low for other in tracks[number]):
            return number
    return max(len(tracks), first)
