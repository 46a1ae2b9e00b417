"""Settings: read once, frozen, and passed on; every value knows where it came from.

Precedence: command line, environment, credentials of systemd, configuration file, default.
`FLOWCTL_HOME` moves everything (configuration, state, broker, logs, run files) into one folder;
without it the XDG folders are used.
"""

from __future__ import annotations

import os
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from flowctl.errors import Misconfigured

DEFAULTS = {
    "state": "",
    "broker": "",
    "network": "",
    "agent": "",
    "log_level": "info",
    "readonly": "",
    "adaptors": "",
}
"""Every setting with its default; empty `state` and `broker` mean the embedded pair in `home`."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things lie."""

    config: Path
    data: Path
    logs: Path
    run: Path
    cache: Path

    def make(self) -> None:
        """Create the folders, readable by nobody else.

        Raises:
            Misconfigured: one cannot be made.
        """
        for folder in (self.config.parent, self.data, self.logs, self.run, self.cache):
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise Misconfigured(
                    f"cannot make the folder {folder}: {(error.strerror or str(error)).lower()}",
                    remedy="choose another place with FLOWCTL_HOME",
                ) from error


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process was told."""

    paths: Paths
    state: str
    """URL: `sqlite:////abs/path` or `postgresql://user@host/db`."""
    broker: str
    """URL: `embedded:////abs/path` or `amqp://user@host/vhost`, `amqps://`."""
    network: str = ""
    """The network that is meant where a command names none."""
    agent: str = field(default_factory=socket.gethostname)
    log_level: str = "info"
    readonly: bool = False
    adaptors: tuple[str, ...] = ()
    """URLs of the adaptors that hear of everything, see docs/events.md."""
    origin: Mapping[str, str] = field(default_factory=dict)
    """Name of each setting to the place its value came from."""

    @property
    def embedded(self) -> bool:
        """Whether both state and broker are files of this machine."""
        return self.state.startswith("sqlite:") and self.broker.startswith("embedded:")

    @property
    def shared(self) -> bool:
        """Whether other hosts can reach both state and broker."""
        return not self.state.startswith("sqlite:") and not self.broker.startswith("embedded:")

    def environment(self) -> dict[str, str]:
        """Return the variables that make a child process see the same settings.

        They hold URLs with passwords: only our own daemons and workers may get them.
        """
        return {
            "FLOWCTL_STATE": self.state,
            "FLOWCTL_BROKER": self.broker,
            "FLOWCTL_DATA": str(self.paths.data),
            "FLOWCTL_CONFIG": str(self.paths.config),
            "FLOWCTL_LOGS": str(self.paths.logs),
            "FLOWCTL_RUN": str(self.paths.run),
            "FLOWCTL_CACHE": str(self.paths.cache),
            "FLOWCTL_LOG_LEVEL": self.log_level,
            "FLOWCTL_ADAPTORS": " ".join(self.adaptors),
        }


def load(
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    given: str = "command line",
) -> Settings:
    """Read the settings of this process; `given` is what complaints call the overrides.

    Raises:
        Misconfigured: the file cannot be read, or a value cannot be used.
    """
    environ = os.environ if environ is None else environ
    paths = find_paths(environ)
    values, origin = _gather(paths.config, environ, overrides or {}, given)
    state = values["state"] or f"sqlite:///{paths.data / 'state.db'}"
    broker = values["broker"] or f"embedded:///{paths.data / 'broker.db'}"
    _check_url("state", state, origin["state"], ("sqlite", "postgresql", "postgres"))
    _check_url("broker", broker, origin["broker"], ("embedded", "amqp", "amqps"))
    return Settings(
        paths=paths,
        state=state,
        broker=broker,
        network=values["network"],
        agent=values["agent"] or socket.gethostname(),
        log_level=_check_level(values["log_level"], origin["log_level"]),
        readonly=values["readonly"].lower() in {"1", "true", "yes", "on"},
        adaptors=tuple(values["adaptors"].split()),
        origin=origin,
    )


def find_paths(environ: Mapping[str, str]) -> Paths:
    """Return the folders: all below `FLOWCTL_HOME`, or the XDG ones; each may be moved alone."""
    home = environ.get("FLOWCTL_HOME", "")
    user = Path(environ.get("HOME") or Path("~").expanduser())

    def place(variable: str, inside: str, xdg: str, fallback: str) -> Path:
        if alone := environ.get(variable):
            return Path(alone).absolute()
        if home:
            return Path(home).absolute() / inside
        return Path(environ.get(xdg) or user / fallback) / "flowctl"

    config = environ.get("FLOWCTL_CONFIG")
    folder = Path(home).absolute() if home else place("", "", "XDG_CONFIG_HOME", ".config")
    state = place("", "", "XDG_STATE_HOME", ".local/state")
    return Paths(
        config=Path(config).absolute() if config else folder / "config.toml",
        data=place("FLOWCTL_DATA", "data", "XDG_DATA_HOME", ".local/share"),
        logs=Path(environ.get("FLOWCTL_LOGS") or state / "logs").absolute(),
        run=Path(environ.get("FLOWCTL_RUN") or state / "run").absolute(),
        cache=place("FLOWCTL_CACHE", "cache", "XDG_CACHE_HOME", ".cache"),
    )


def redact(url: str) -> str:
    """Return a URL as it may be shown: its password is replaced by stars.

    >>> redact("amqp://me:secret@host:5672/v")
    'amqp://me:***@host:5672/v'
    """
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))


def _gather(
    config: Path, environ: Mapping[str, str], overrides: Mapping[str, str], given: str
) -> tuple[dict[str, str], dict[str, str]]:
    values, origin = dict(DEFAULTS), dict.fromkeys(DEFAULTS, "default")
    for name, value in _read_file(config).items():
        values[name], origin[name] = value, str(config)
    for name, path in _find_credentials(environ):
        values[name], origin[name] = f"@{path}", f"credential {path.name}"
    for name in DEFAULTS:
        variable = f"FLOWCTL_{name.upper()}"
        if environ.get(variable):
            values[name], origin[name] = environ[variable], f"environment {variable}"
        if overrides.get(name):
            values[name], origin[name] = overrides[name], given
    for name in ("state", "broker", "adaptors"):
        values[name] = _from_file(values[name], origin[name])
    return values, origin


def _read_file(config: Path) -> dict[str, str]:
    if not config.exists():
        return {}
    try:
        document = tomllib.loads(config.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{config}: {error}", remedy="mend or remove the file") from error
    unknown = sorted(set(document) - set(DEFAULTS))
    if unknown:
        known = ", ".join(DEFAULTS)
        raise Misconfigured(f'{config}: unknown setting "{unknown[0]}"', remedy=f"one of {known}")
    if any(_holds_password(str(value)) for value in document.values()):
        _check_private(config)
    return {name: str(value) for name, value in document.items()}


def _find_credentials(environ: Mapping[str, str]) -> list[tuple[str, Path]]:
    """Return the URLs that the service manager hands over as files (LoadCredential=)."""
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        return []
    paths = ((name, Path(folder) / f"flowctl.{name}") for name in ("state", "broker"))
    return [(name, path) for name, path in paths if path.is_file()]


def _from_file(value: str, origin: str) -> str:
    """Return the secret in a file that `value` names as `@/path`, else the value itself."""
    if not value.startswith("@"):
        return value
    path = Path(value[1:])
    try:
        return path.read_text().strip()
    except OSError as error:
        raise Misconfigured(f"{origin}: cannot read {path}: {error.strerror}") from error


def _holds_password(value: str) -> bool:
    return "://" in value and urlsplit(value).password is not None


def _check_private(config: Path) -> None:
    if config.stat().st_mode & 0o077:
        raise Misconfigured(
            f"{config} holds a password and can be read by others", remedy=f"chmod 600 {config}"
        )


def _check_url(name: str, url: str, origin: str, schemes: tuple[str, ...]) -> None:
    scheme = url.partition(":")[0]
    if scheme not in schemes or "://" not in url:
        raise Misconfigured(
            f'{origin}: {name} "{redact(url)}" is not a URL that flowctl knows',
            remedy="begin it with one of " + ", ".join(f"{scheme}://" for scheme in schemes),
        )


def _check_level(level: str, origin: str) -> str:
    if level.lower() not in {"debug", "info", "warning", "error"}:
        raise Misconfigured(
            f'{origin}: log_level "{level}" is unknown', remedy="debug, info, warning or error"
        )
    return level.lower()
