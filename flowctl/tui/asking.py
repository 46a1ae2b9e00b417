"""Whether an act may be done, and what is asked first. Pure, so that every case is a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowctl.tui.actions import Action, Danger
from flowctl.tui.feeds import Link
from flowctl.tui.targets import Target
from flowctl.views.lines import Line, line
from flowctl.views.text import plural
from flowctl.views.tones import Tone

SHOWN = 8
"""So many names stand in a question; the others are counted."""


@dataclass(frozen=True)
class Scene:
    """What has to be known to say whether something may be done."""

    targets: Sequence[Target] = ()
    hidden: Sequence[Target] = ()
    """Those of the targets that cannot be seen."""
    link: Link = Link.CONNECTED
    age: float = 0.0
    readonly: bool = False


def fitting(action: Action, targets: Sequence[Target]) -> list[Target]:
    """Return the targets that an action applies to as they are."""
    return [
        target
        for target in targets
        if action.applies(target.kind) and (action.when is None or action.when(target))
    ]


def refusal(action: Action, scene: Scene) -> str:
    """Return why an action cannot be done here; empty where it can."""
    if scene.readonly:
        return "read-only: nothing is changed from here"
    if scene.link is Link.WAITING:
        return "not connected yet"
    if scene.link is not Link.CONNECTED:
        return f"{scene.link}: what is shown is {scene.age:.0f}s old, so nothing is changed by it"
    if not scene.targets:
        return "there is nothing under the cursor"
    return "" if fitting(action, scene.targets) else _misfit(action, scene.targets[0])


def _misfit(action: Action, target: Target) -> str:
    if not action.applies(target.kind):
        return f"{action.id} is not for a {target.kind}"
    state = target.document.get("requested_status") or target.document.get("status")
    return f"{target.address} is {state}: {action.words} does not apply"


def asks(action: Action, targets: Sequence[Target], argument: str = "") -> bool:
    """Tell whether a person is asked before it is done."""
    to_nothing = action.id == "processor.scale" and argument.strip() == "0"
    return action.danger >= Danger.MODERATE or len(targets) > 1 or to_nothing


def question(
    action: Action, targets: Sequence[Target], hidden: Sequence[Target], place: str
) -> list[Line]:
    """Return what a person is asked: what, with how many, which, where, and what cannot be seen."""
    deed = action.deed
    verb = deed.verb if deed else action.words
    kind = targets[0].kind
    found = [
        line((verb, Tone.STRONG), f" {plural(len(targets), kind)} in ", (place, Tone.NOTE)),
        line((action.words, Tone.DIM)),
        line(""),
    ]
    unseen = {target.key for target in hidden}
    for target in targets[:SHOWN]:
        note = "  (marked, hidden by the filter)" if target.key in unseen else ""
        told = deed.warning(target) if deed else ""
        found.append(
            line("  ", (target.address, Tone.NAME), (f"  {told}" if told else "", Tone.WARN),
                 (note, Tone.BAD))
        )  # fmt: skip
    if len(targets) > SHOWN:
        found.append(line(f"  and {len(targets) - SHOWN} more"))
    count = sum(target.key in unseen for target in targets)
    if count:
        found.append(line((f"{count} of them you do not see", Tone.BAD)))
    return found


def spelled(action: Action, targets: Sequence[Target]) -> str:
    """Return what has to be typed: the name, or how many; empty where `y` is enough."""
    if action.danger < Danger.SEVERE:
        return ""
    return targets[0].name if len(targets) == 1 else str(len(targets))


def commands(action: Action, targets: Sequence[Target], argument: str) -> list[str]:
    """Return the exact commands, one for each target."""
    return [action.deed.command(target, argument) for target in targets] if action.deed else []
