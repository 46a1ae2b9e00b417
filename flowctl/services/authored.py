"""Networks that are written in Python: find the class, read its marks, check what they say."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from pathlib import Path

from flowctl.authoring import recipe_of
from flowctl.errors import InvalidInput
from flowctl.services import recipes
from flowctl.services.recipes import Recipe
from flowctl.views.kinds import nearest


def load(place: str) -> Recipe:
    """Return the recipe of `module:Class`; the module is looked for from the present folder on.

    Raises:
        InvalidInput: there is no such class, its module cannot be imported, or it is not marked.
        RecipeError: what it says has problems.
    """
    module_name, colon, name = place.partition(":")
    if not (module_name and colon and name):
        raise InvalidInput(f'"{place}" names no class', remedy="write module:Class")
    module = _imported(module_name)
    found = getattr(module, name, None)
    if not isinstance(found, type):
        known = [key for key, value in vars(module).items() if isinstance(value, type)]
        near = nearest(name, known)
        hint = f' (did you mean "{near}"?)' if near else ""
        raise InvalidInput(f'module {module_name} has no class "{name}"{hint}')
    return recipe(found)


def recipe(cls: type) -> Recipe:
    """Return the recipe of a marked class.

    Raises:
        InvalidInput: it is not marked.
        RecipeError: what it says has problems.
    """
    return recipes.from_values(recipe_of(cls), f"{cls.__module__}:{cls.__qualname__}")


def _imported(name: str) -> object:
    sys.path.insert(0, here := str(Path.cwd()))
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        raise InvalidInput(
            f"cannot import {name}: {_said(error)}",
            remedy="run this where `python -c 'import ...'` finds it",
        ) from error
    finally:
        if here in sys.path:
            sys.path.remove(here)


def _said(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()
