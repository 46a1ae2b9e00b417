"""One process for the code of many processors: each finds its own modules, variables and folder.

In workers each processor has processes of its own. Here they take turns: before a function runs,
the import path, the modules of its source, the environment and the working folder become those of
its processor. What packages brought is shared by all, since most cannot be loaded twice.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentd.worker.launch import scrub

_TERMINAL = ("TERM", "COLORTERM", "PYTHON", "LINES", "COLUMNS")
"""What a debugger may want to know; workers have no terminal."""


@dataclass(slots=True)
class Scene:
    """What one processor sees."""

    sources: tuple[str, ...]
    """Folders with its code."""
    packages: tuple[str, ...]
    """Folders with what it requires."""
    environment: Mapping[str, str]
    folder: str
    program: str
    """What stands in `sys.argv`."""
    modules: dict[str, types.ModuleType] = field(default_factory=dict)

    def owns(self, module: types.ModuleType) -> bool:
        """Tell whether a module is this processor's own code."""
        file = getattr(module, "__file__", None)
        return file is None or any(Path(file).is_relative_to(each) for each in self.sources)


class Stage:
    """Lets one scene after the other be the present one."""

    def __init__(self) -> None:
        self._path = list(sys.path)
        self._common = set(sys.modules)
        self._environment = dict(os.environ)
        self._scene: Scene | None = None

    def show(self, scene: Scene) -> None:
        """Make `scene` the one that code sees."""
        if self._scene is scene:
            return
        if self._scene is not None:
            self._clear(self._scene)
        self._scene = scene
        sys.path[:] = [*scene.sources, *scene.packages, *self._path]
        sys.modules.update(scene.modules)
        sys.argv[:] = [scene.program]
        os.environ.clear()
        os.environ.update(self._visible() | dict(scene.environment))
        os.chdir(scene.folder)

    def _clear(self, scene: Scene) -> None:
        new = {name: sys.modules[name] for name in set(sys.modules) - self._common}
        scene.modules = {name: module for name, module in new.items() if scene.owns(module)}
        for name in scene.modules:
            del sys.modules[name]

    def _visible(self) -> dict[str, str]:
        kept = {k: v for k, v in self._environment.items() if k.startswith(_TERMINAL)}
        return scrub(self._environment) | kept


def packages_of(python: str, base: Sequence[str]) -> tuple[str, ...]:
    """Return the folder of what an environment installed; nothing for one of `base`."""
    if python in base:
        return ()
    return tuple(
        str(each) for each in Path(python).parent.parent.glob("lib/python3*/site-packages")
    )
