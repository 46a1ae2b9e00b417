"""`schedulerd`: reads settings and policy, listens to signals, runs the daemon."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence

from flowctl import log, settings
from flowctl.errors import FlowError, Misconfigured
from flowctl.secrecy import hide
from flowctl.services.control import open_control
from schedulerd.daemon import Daemon
from schedulerd.policy import Policy


def main(words: Sequence[str] | None = None) -> int:
    """Run a scheduler until SIGTERM or SIGINT; return the exit code."""
    asked = _parse(words)
    hide()
    try:
        chosen = settings.load()
        policy = Policy.read(os.environ)
    except Misconfigured as error:
        return _fail(error, 2)
    log.set_up(chosen.log_level)
    try:
        with open_control(chosen, name=f"schedulerd {asked.name}") as control:
            daemon = Daemon(control, policy, asked.name, observe=asked.observe)
            _listen(daemon)
            daemon.run()
    except FlowError as error:
        return _fail(error, 1)
    return 0


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="schedulerd", description="Place, fire and watch.")
    parser.add_argument("--name", default=socket.gethostname(), help="how others see this one")
    parser.add_argument(
        "--observe", action="store_true", help="watch and tell, but change no deployment"
    )
    return parser.parse_args(words)


def _listen(daemon: Daemon) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    signal.signal(signal.SIGHUP, lambda *_: _reload())


def _reload() -> None:
    try:
        level = settings.load().log_level
    except Misconfigured as error:
        logging.getLogger(__name__).warning("keeping the log level: %s", error)
        return
    logging.getLogger().setLevel(level.upper())


def _fail(error: FlowError, code: int) -> int:
    remedy = f" ({error.remedy})" if error.remedy else ""
    sys.stderr.write(f"schedulerd: {error}{remedy}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
