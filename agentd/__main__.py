"""`agentd`: read the options, put the parts together, run."""

from __future__ import annotations

import argparse
import logging
import os
import random
import re
import sys
from collections.abc import Sequence
from functools import partial
from queue import SimpleQueue
from urllib.parse import quote

import flowctl
from agentd import claim, environments, resources
from agentd.daemon import Daemon
from agentd.feeders import Builders, Happened, Watcher
from agentd.link import Link, describe_offer
from agentd.machine import Machine
from agentd.roster import Roster
from agentd.stimuli import Site
from agentd.teller import Teller
from flowctl import log
from flowctl.clock import SystemClock
from flowctl.errors import FlowError, InvalidInput
from flowctl.model.work import Assignment
from flowctl.secrecy import hide
from flowctl.services.control import open_control
from flowctl.settings import Settings, load

_log = logging.getLogger(__name__)
# -P: the folder that agentd was started in must not shadow modules of a worker.
WORKER = (sys.executable, "-P", "-m", "agentd.worker")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}=[A-Za-z0-9._-]{0,63}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the agent of this host until it is asked to end."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    hide()
    try:
        settings = load(overrides={"agent": options.name})
        log.set_up(settings.log_level)
        code = run(settings, options)
    except FlowError as error:
        sys.stderr.write(f"agentd: {error}\n")
        if error.remedy:
            sys.stderr.write(f"  {error.remedy}\n")
        code = 1
    sys.exit(code)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Put an agent together and serve; return the exit code.

    Raises:
        Conflict: an agent of this name runs in this home.
        InvalidInput: an option cannot be used.
    """
    name = _check_name(settings.agent)
    settings.paths.make()
    lock = claim.claim(settings.paths.run / f"agentd-{quote(name)}.lock", name)
    try:
        return _assemble(settings, name, options).run()
    finally:
        os.close(lock)


def _assemble(settings: Settings, name: str, options: argparse.Namespace) -> Daemon:
    clock, inbox = SystemClock(), SimpleQueue[Happened]()
    labels = parse_labels(options.label)
    offer = describe_offer(
        name,
        cpus=_check_cpus(options.cpus),
        labels=labels,
        port=options.port,
        version=flowctl.__version__,
    )
    opener = partial(open_control, settings, name=f"agentd {name}")
    teller = Teller(opener, name, settings.paths.logs)
    folder = settings.paths.data
    link = Link(opener, offer, inbox, clock=clock, folder=folder, heed=teller.heed)
    daemon = Daemon(
        Machine(name, jitter=random.random, interval=options.interval),
        Roster(settings, name, program=WORKER, environ=os.environ),
        link=link,
        builders=Builders(
            partial(_build, settings), inbox, prune=partial(environments.prune, settings=settings)
        ),
        watcher=Watcher(inbox),
        inbox=inbox,
        clock=clock,
        stop_workers=options.stop_workers,
    )
    if options.port:
        from agentd.health import serve

        serve(daemon, options.port, clock)
    return daemon


def _build(settings: Settings, assignment: Assignment) -> Site:
    built = environments.build(assignment, settings=settings)
    return Site(python=built.python, paths=built.paths, commit=built.commit, key=built.key)


def parse_labels(texts: Sequence[str]) -> dict[str, str]:
    """Return labels given as `key=value`.

    Raises:
        InvalidInput: one is not.
    """
    for text in texts:
        if not _LABEL.fullmatch(text):
            raise InvalidInput(f'"{text}" is not a label', remedy="write --label key=value")
    return {key: value for key, _, value in (text.partition("=") for text in texts)}


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f'"{name}" cannot be the name of an agent',
            remedy="use letters, digits, dots, dashes and underscores, at most 63",
        )
    return name


def _check_cpus(cpus: int) -> int:
    if cpus > resources.CPUS:
        _log.warning("offering %d cpus although this host has %d", cpus, resources.CPUS)
    return cpus or resources.CPUS


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agentd", description=(main.__doc__ or "").strip())
    parser.add_argument("--name", default="", help="name of this agent [default: the host's]")
    parser.add_argument("--cpus", type=_positive, default=0, help="cpus to offer [default: all]")
    parser.add_argument(
        "--port", type=_port, default=0, help="health and metrics on loopback; 0: off"
    )
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--interval", type=_seconds, default=2.0, help="seconds between heartbeats")
    parser.add_argument(
        "--stop-workers", action="store_true", help="on SIGTERM end the workers first, too"
    )
    parser.add_argument("--version", action="version", version=flowctl.__version__)
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("must be between 0 and 65535")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0.1 <= number <= 60:
        raise argparse.ArgumentTypeError("must be between 0.1 and 60 seconds")
    return number


if __name__ == "__main__":
    main()
