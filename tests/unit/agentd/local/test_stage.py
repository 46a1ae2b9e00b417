from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentd.local.stage import Scene, Stage, packages_of


@pytest.fixture
def stage() -> Iterator[Stage]:
    path, modules, argv = list(sys.path), set(sys.modules), list(sys.argv)
    environment, folder = dict(os.environ), Path.cwd()
    yield Stage()
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    sys.path[:], sys.argv[:] = path, argv
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)


def scene(folder: Path, name: str, **environment: str) -> Scene:
    """Return the scene of a processor whose code is a module `part_of_scene` of its own."""
    source = folder / name
    source.mkdir()
    (source / "part_of_scene.py").write_text(f"NAME = {name!r}\n")
    return Scene(
        sources=(str(source),),
        packages=(),
        environment=environment,
        folder=str(source),
        program=name,
    )


def name_seen() -> str:
    from part_of_scene import NAME  # type: ignore[import-not-found]

    return str(NAME)


def test_each_scene_has_its_own_modules_variables_and_folder(tmp_path: Path, stage: Stage) -> None:
    one, two = scene(tmp_path, "one", SHOP="1"), scene(tmp_path, "two")
    stage.show(one)
    assert (name_seen(), os.environ.get("SHOP"), Path.cwd().name, sys.argv) == (
        "one",
        "1",
        "one",
        ["one"],
    )
    first = sys.modules["part_of_scene"]
    stage.show(two)
    assert (name_seen(), os.environ.get("SHOP"), Path.cwd().name, sys.argv) == (
        "two",
        None,
        "two",
        ["two"],
    )
    stage.show(one)
    assert sys.modules["part_of_scene"] is first


def test_code_sees_no_settings_of_ours_and_keeps_its_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWCTL_STATE", "postgresql://me:secret@db/x")
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    path = list(sys.path)
    try:
        Stage().show(scene(tmp_path, "one"))
        assert "secret" not in str(dict(os.environ))
        assert os.environ["TERM"] == "dumb"
    finally:
        os.environ.clear()
        os.environ.update(before)
        sys.path[:] = path


def test_packages_lie_beside_the_interpreter_of_an_environment(tmp_path: Path) -> None:
    folder = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    assert packages_of(python, ["/usr/bin/python3"]) == (str(folder),)
    assert packages_of("/usr/bin/python3", ["/usr/bin/python3"]) == ()
