"""The registry: no clash, plain keys for everything, nothing that changes on a harmless key."""

import re

import pytest

from flowctl.tui import keymap
from flowctl.tui.acting import Actor
from flowctl.tui.actions import Action, Danger, Group
from flowctl.tui.app import registry
from flowctl.tui.deck import Deck
from flowctl.tui.going import Going
from flowctl.tui.views import VIEWS
from flowctl.views.kinds import KINDS

REGISTRY = registry()
KINDS_AND_NONE = ["", *KINDS]


def changes(action: Action) -> bool:
    return action.group is Group.CHANGE


@pytest.mark.parametrize("preset", keymap.PRESETS)
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.word)
def test_no_key_means_two_things(preset: str, view: type) -> None:
    keys = keymap.load(REGISTRY, None, preset)
    for kind in KINDS_AND_NONE:
        scopes = frozenset({"global", *view.scopes, view.word})
        taken: dict[str, Action] = {}
        for action in REGISTRY.active(scopes, kind):
            for key in keys.of(action):
                other = taken.setdefault(key, action)
                both_choose = action.when is not None and other.when is not None
                assert other is action or both_choose, f"{key}: {other.id}, {action.id}"


@pytest.mark.parametrize("preset", ["default", "vim", "plain"])
def test_changes_live_on_few_keys_and_nothing_else_does(preset: str) -> None:
    keys = keymap.load(REGISTRY, None, preset)
    for action in REGISTRY:
        for key in keys.of(action):
            assert (key in keymap.CHANGING) == changes(action), f"{key}: {action.id}"


@pytest.mark.parametrize("preset", keymap.PRESETS)
def test_plain_keys_are_enough(preset: str) -> None:
    keys = keymap.load(REGISTRY, None, preset)
    named = re.compile(r"escape|enter|tab|space|up|down|left|right|home|end|pageup|pagedown")
    for action in REGISTRY:
        bound = keys.of(action)
        assert not keymap.NEVER.intersection(bound), action.id
        plain = [key for key in bound if len(key) == 1 or named.fullmatch(key)]
        assert plain or not bound, f"{action.id} needs {bound}"


def test_what_changes_has_a_command_and_what_looks_has_a_method() -> None:
    owners = [*VIEWS, Going, Actor, Deck]
    for action in REGISTRY:
        if action.deed is None:
            name = action.does.partition(":")[0]
            assert any(hasattr(owner, name) for owner in owners), f"{action.id}: {name}"
        else:
            assert action.danger is not Danger.NONE, action.id
            assert action.kinds, action.id


def test_an_inverse_is_an_action_for_the_same_objects() -> None:
    for action in REGISTRY:
        if action.deed and action.deed.inverse:
            assert REGISTRY[action.deed.inverse].kinds == action.kinds
