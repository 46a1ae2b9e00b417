"""A private RabbitMQ node for tests: own name, ports, folders and epmd, ended by pid.

A guardian shell holds the pids: when this process ends, in whatever way, the guardian's standard
input closes and it kills the node and its epmd and removes the folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from threading import Event

SCRIPTS = Path("/usr/lib/rabbitmq/bin")
PASSWORD = "s3cret-canary"
_GUARDIAN = """
cat >/dev/null
for file in "$1"/*.pid; do [ -s "$file" ] && kill -KILL "$(cat "$file")" 2>/dev/null; done
rm -rf "$1"
"""


def installed() -> bool:
    """Whether this machine has the programs."""
    return (SCRIPTS / "rabbitmq-server").exists() and shutil.which("epmd") is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RabbitServer:
    """One node; the constructor makes its folder, `start` starts it, `close` leaves nothing."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flowctl-rabbit-"))
        self.port, self._dist, self._epmd = free_port(), free_port(), free_port()
        self._node = f"flowctl{self.port}@localhost"
        self._as = {"user": "rabbitmq", "group": "rabbitmq", "extra_groups": []}
        if os.getuid() != 0:
            self._as = {}
        self._write_files()
        self._guardian = subprocess.Popen(
            ["/bin/sh", "-c", _GUARDIAN, "guardian", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._names: subprocess.Popen[bytes] | None = None
        self._beam: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://flow:{PASSWORD}@127.0.0.1:{self.port}/"

    @property
    def pid(self) -> int:
        assert self._beam is not None
        return self._beam.pid

    def start(self, timeout: float = 90.0) -> None:
        """Start the node and wait until it accepts connections."""
        if self._names is None:
            self._names = self._spawn(
                "epmd", ["epmd", "-port", str(self._epmd), "-address", "127.0.0.1"]
            )
        self._beam = self._spawn("beam", [str(SCRIPTS / "rabbitmq-server")])
        self._wait_open(timeout)

    def stop(self) -> None:
        """Stop the node as its service would, and wait for it."""
        assert self._beam is not None
        self._beam.terminate()
        self._beam.wait(60)
        self._forget("beam")

    def kill(self) -> None:
        """Kill the node without any warning."""
        assert self._beam is not None
        self._beam.kill()
        self._beam.wait(10)
        self._forget("beam")

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl against this node and return what it prints."""
        done = subprocess.run(
            [str(SCRIPTS / "rabbitmqctl"), "-q", "-n", self._node, *arguments],
            env=self._environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **self._as,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def log(self) -> str:
        """Return what the node wrote, for the message of a failed test."""
        files = [*sorted((self.folder / "log").glob("*.log")), self.folder / "beam.out"]
        return "\n".join(
            file.read_text(errors="replace")[-4000:] for file in files if file.exists()
        )

    def close(self) -> None:
        """End the node and its epmd and remove the folder."""
        assert self._guardian.stdin is not None
        self._guardian.stdin.close()
        self._guardian.wait(30)
        for process in (self._beam, self._names):
            if process is not None:
                process.wait(30)

    def _spawn(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.out").open("ab") as out:
            process = subprocess.Popen(
                command,
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                **self._as,
            )
        (self.folder / f"{name}.pid").write_text(str(process.pid))
        return process

    def _forget(self, name: str) -> None:
        (self.folder / f"{name}.pid").unlink()

    def _wait_open(self, timeout: float) -> None:
        deadline, pause = time.monotonic() + timeout, Event()
        while time.monotonic() < deadline:
            assert self._beam is not None
            assert self._beam.poll() is None, f"RabbitMQ ended by itself\n{self.log()}"
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                pause.wait(0.05)
            else:
                return
        raise AssertionError(f"RabbitMQ did not open its port in {timeout} s\n{self.log()}")

    def _environment(self) -> dict[str, str]:
        folder = str(self.folder)
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": folder,
            # Makes the start script become the node itself, so that the pid is the node's.
            "NOTIFY_SOCKET": f"{folder}/nobody-listens",
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _write_files(self) -> None:
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"default_user = flow\ndefault_pass = {PASSWORD}\n"
            "loopback_users = none\n"
            "cluster_name = flowctl-tests\n"
            "raft.wal_max_size_bytes = 64000000\n"
            "disk_free_limit.absolute = 50MB\n"
            "vm_memory_high_watermark.absolute = 1GB\n"
            "log.file.level = warning\n"
        )
        (self.folder / "enabled_plugins").write_text("[].\n")
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text("FLOWCTLTESTS")
        cookie.chmod(0o400)
        for name in ("data", "log"):
            (self.folder / name).mkdir()
        if self._as:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, "rabbitmq", "rabbitmq")
