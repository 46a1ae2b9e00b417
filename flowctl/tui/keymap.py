"""Which key does what: defaults of the registry, a preset over them, `keymap.toml` over that.

    preset = "k9s"
    [keys]
    "processor.restart" = ["R", "f5"]

Rules (ux.md 5.1) that a test holds for every preset: plain keys suffice; ctrl and F keys are aliases;
changes live on few capitals and on + and -; nothing that changes stands on a key that is harmless in
vim, less or tmux.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flowctl.errors import Misconfigured
from flowctl.tui.actions import Action, Registry
from flowctl.tui.targets import Target
from flowctl.views.kinds import nearest

CHANGING = frozenset("ABCDKMPQRSX+-")
"""The only keys that change something."""
NEVER = frozenset(
    {f"ctrl+{letter}" for letter in "hijmabzsq"}
    | {"ctrl+left_square_bracket", "ctrl+enter", "ctrl+space", "ctrl+at"}
)
"""Keys that terminals, tmux or screen eat or mean otherwise: nothing may depend on them."""

PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    "default": {},
    "plain": {},
    "k9s": {
        "view.last": ("-", "`"),
        "list.page-down": ("pagedown", "ctrl+f"),
        "stage.less": ("_",),
    },
    "vim": {
        "move.left": ("left", "h"),
        "move.right": ("right", "l"),
        "look.logs": ("L",),
    },
}
"""What each preset has other than the defaults."""


@dataclass(frozen=True)
class Keymap:
    """The keys of every action."""

    keys: Mapping[str, tuple[str, ...]]

    def of(self, action: Action) -> tuple[str, ...]:
        """Return the keys of an action."""
        return self.keys.get(action.id, action.keys)

    def shown(self, action: Action) -> str:
        """Return the first key of an action as people write it."""
        return written(self.of(action)[0]) if self.of(action) else ""

    def find(self, key: str, actions: Iterable[Action], target: Target | None) -> Action | None:
        """Return what a key does among the actions of a place: the nearest scope comes first.

        Where none fits the object as it is, the one whose reason not to is worth telling.
        """
        found = [action for action in actions if key in self.of(action)]
        found.sort(key=lambda action: (action.scope == "global", not action.kinds))
        fitting = [a for a in found if a.when is None or (target and a.when(target))]
        return next(iter([*fitting, *found]), None)


def load(registry: Registry, path: Path | None, preset: str = "") -> Keymap:
    """Return the keymap: a preset, and what the file says on top.

    Raises:
        Misconfigured: the file cannot be read, or names what is not there.
    """
    told = _read(path) if path is not None and path.exists() else {}
    chosen = preset or str(told.get("preset", "default"))
    if chosen not in PRESETS:
        near = ", ".join(PRESETS)
        raise Misconfigured(f'there is no keymap preset "{chosen}"', remedy=f"one of {near}")
    keys = dict(PRESETS[chosen])
    own = told.get("keys", {})
    if not isinstance(own, dict):
        raise Misconfigured(f"{path}: [keys] is a table of action ids", remedy="id = [keys]")
    for name, value in own.items():
        keys[name] = _own(registry, path, name, value)
    if chosen == "plain":
        keys |= {each.id: _plain(keys.get(each.id, each.keys)) for each in registry}
    return Keymap(keys)


def _own(registry: Registry, path: Path | None, name: str, value: object) -> tuple[str, ...]:
    if registry.get(name) is None:
        near = nearest(name, [action.id for action in registry])
        hint = f' (did you mean "{near}"?)' if near else ""
        raise Misconfigured(f'{path}: there is no action "{name}"{hint}', remedy="flowctl ui, ?")
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Misconfigured(f"{path}: {name} wants a key or a list of keys", remedy='"x"')
    return tuple(words)


def _plain(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if not key.startswith("ctrl+") and not is_function_key(key))


def is_function_key(key: str) -> bool:
    """Tell whether a key is one of F1 to F24."""
    return key[:1] == "f" and key[1:].isdigit()


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{path}: {error}", remedy="mend or remove the file") from error


_WRITTEN = {
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "home": "Home",
    "end": "End",
    "backspace": "Backspace",
}


def written(key: str) -> str:
    """Return a key as people write it.

    >>> written("ctrl+r"), written("escape"), written("j"), written("f1")
    ('Ctrl-R', 'Esc', 'j', 'F1')
    """
    if key.startswith("ctrl+"):
        return f"Ctrl-{key[5:].upper()}"
    if is_function_key(key):
        return key.upper()
    return _WRITTEN.get(key, key)
