"""A RabbitMQ for tests: started from the distribution's package, in a folder of its own, gone afterwards.

Everything that RabbitMQ has one of per machine or user is its own: ports, data, configuration, the cookie of Erlang in its home,
and the port mapper of Erlang. Should the test run be killed, the kernel ends both programs with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.addresses import free_ports
from tests.servers import NotInstalled, as_user, folder_of

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
USER = "rabbitmq"
START_SECONDS = 120.0
STOP_SECONDS = 30.0


class RabbitMQ:
    """A broker that can be stopped and started again with what it held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port, self._distribution, self._mapper_port = free_ports(3)
        self._running = ExitStack()

    @property
    def url(self) -> str:
        """Where it is, as operators write it into `transport_url`."""
        return f"rabbit://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if not self.answers():
            log = self._folder / "log"
            self._start(["epmd", "-port", str(self._mapper_port), "-address", "127.0.0.1"], log)
            process = self._start([str(PROGRAM)], log)
            deadline = time.monotonic() + START_SECONDS
            while not self.answers():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"RabbitMQ does not answer:\n{log.read_text(errors='replace')}")
                time.sleep(0.1)

    def stop(self) -> None:
        """Stop it. What it held is there when it starts again."""
        self._running.close()

    def answers(self) -> bool:
        """Whether it speaks AMQP."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(connection.recv(1))
        return False

    def control(self, *words: str) -> str:
        """What a command of rabbitmqctl says."""
        command = [*as_user(USER), str(PROGRAM.with_name("rabbitmqctl")), "--quiet", *words]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=True, timeout=START_SECONDS)
        return done.stdout

    def _start(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*as_user(USER), "--pdeathsig", "TERM", *command], cwd=self._folder, env=self._environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._running.callback(_end, process)
        return process

    @property
    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": folder,
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "bascule-test@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/logs",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }


@contextmanager
def rabbitmq() -> Iterator[RabbitMQ]:
    """A broker that runs. Raises NotInstalled."""
    if not PROGRAM.exists() or not shutil.which("epmd") or not shutil.which("setpriv"):
        raise NotInstalled("RabbitMQ IS NOT TESTED: its programs are not installed (Debian package rabbitmq-server)")
    with folder_of(USER) as folder:
        broker = RabbitMQ(folder)
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started, which is in its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
