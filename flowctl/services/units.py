"""The daemons under systemd: write the units, enable them, say how they are."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from flowctl.errors import Denied, InvalidInput, Refused

PROGRAMS = ("agentd", "schedulerd")
TARGET = Path("/etc/systemd/system")
USER = "flowctl"


class Unit(Struct, frozen=True, kw_only=True):
    """A unit as systemd sees it."""

    name: str
    installed: bool
    enabled: str
    active: str
    sentence: str
    """The daemon's last cycle, as it told systemd."""


def unit_name(program: str) -> str:
    """Return the name of a daemon's unit.

    Raises:
        InvalidInput: there is no such daemon.
    """
    if program not in PROGRAMS:
        raise InvalidInput(
            f'there is no daemon "{program}"', remedy="one of " + ", ".join(PROGRAMS)
        )
    return f"flowctl-{program}.service"


def text_of(program: str) -> str:
    """Return the unit of a daemon with the path of the program as it is installed here.

    Raises:
        Refused: the program or its unit is not installed.
    """
    name = unit_name(program)
    places = (Path(sys.prefix) / "share/flowctl/systemd", Path(__file__).parents[2] / "systemd")
    source = next((place / name for place in places if (place / name).exists()), None)
    if source is None:
        raise Refused(f"{name} is not part of this installation", remedy="install flowctl with pip")
    lines = source.read_text().splitlines(keepends=True)
    return "".join(_placed(line, program) for line in lines)


def _placed(line: str, program: str) -> str:
    key, equals, command = line.partition("=")
    if key != "ExecStart" or not equals:
        return line
    _, space, options = command.partition(" ")
    return (
        f"ExecStart={_program(program)}{space}{options}"
        if space
        else f"ExecStart={_program(program)}\n"
    )


def _program(program: str) -> str:
    beside = Path(sys.executable).parent / program
    found = str(beside) if beside.exists() else shutil.which(program)
    if not found:
        raise Refused(f"{program} is not installed", remedy="install flowctl with pip")
    return found


def install(programs: Sequence[str], *, root: Path = Path("/"), enable: bool = True) -> list[Path]:
    """Write the units, and with `enable` start them now and at every boot; return the files.

    Raises:
        Denied: only root may do this.
        Refused: systemd does not run here.
    """
    texts = {unit_name(program): text_of(program) for program in programs}
    folder = root / TARGET.relative_to("/")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text)
    except PermissionError as error:
        raise Denied(f"cannot write to {folder}", remedy="run it as root") from error
    if enable and root == Path("/"):
        _make_user()
        _systemctl("daemon-reload")
        _systemctl("enable", "--now", *texts)
    return [folder / name for name in texts]


def _make_user() -> None:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        _run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER])


def uninstall(programs: Sequence[str], *, root: Path = Path("/")) -> list[Path]:
    """Stop and disable the units and remove their files; return those that were there."""
    folder = root / TARGET.relative_to("/")
    files = [folder / unit_name(program) for program in programs]
    present = [file for file in files if file.exists()]
    if present and root == Path("/"):
        _systemctl("disable", "--now", *(file.name for file in present))
    for file in present:
        file.unlink()
    if present and root == Path("/"):
        _systemctl("daemon-reload")
    return present


def status() -> list[Unit]:
    """Return how the units are; without systemd only whether their files are there."""
    return [_unit(unit_name(program)) for program in PROGRAMS]


def _unit(name: str) -> Unit:
    shown = {}
    if shutil.which("systemctl"):
        found = subprocess.run(
            ["systemctl", "show", name, "--property=UnitFileState,ActiveState,StatusText"],
            capture_output=True,
            text=True,
            check=False,
        )
        shown = dict(line.split("=", 1) for line in found.stdout.splitlines() if "=" in line)
    return Unit(
        name=name,
        installed=(TARGET / name).exists(),
        enabled=shown.get("UnitFileState", ""),
        active=shown.get("ActiveState", ""),
        sentence=shown.get("StatusText", ""),
    )


def _systemctl(*words: str) -> None:
    if not shutil.which("systemctl") or not Path("/run/systemd/system").exists():
        raise Refused("systemd does not run on this machine", remedy="use flowctl up -d")
    _run(["systemctl", *words])


def _run(command: Sequence[str]) -> None:
    if os.geteuid() != 0:
        raise Denied(f"{command[0]} needs root", remedy="run it with sudo")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
