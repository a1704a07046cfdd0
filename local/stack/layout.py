"""Where a local stack keeps what: one folder, `.local/` unless said otherwise, private to its user."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.engines.process import is_port_free

if TYPE_CHECKING:
    from collections.abc import Iterator

# name -> the port that is tried first. Redis also takes its port + 10000 for the cluster bus.
PORTS = {
    "token_core": 8400,
    "admin_api": 8401,
    "start_page": 8402,
    "aws": 8403,
    "clickhouse": 8404,
    "postgres": 8405,
    "redis": 8406,
    "audit_relay": 8407,
}
_CLUSTER_BUS_OFFSET = 10_000


class PortTakenError(RuntimeError):
    """A port that this stack keeps is taken by somebody else."""


@dataclass(frozen=True)
class Layout:
    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def stack_file(self) -> Path:
        return self.root / "stack.json"

    @property
    def pid_file(self) -> Path:
        return self.root / "supervisor.pid"

    def make(self) -> None:
        for folder in (self.root, self.data, self.logs, self.root / "secrets"):
            folder.mkdir(parents=True, exist_ok=True)
        # Postgres may run as another user than root, and has to pass through here to its own folder.
        self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
        (self.root / "secrets").chmod(0o700)

    def password_file(self, name: str, value: str) -> Path:
        path = self.root / "secrets" / name
        write_atomically(path, value)
        return path


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old content or the new one, never half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    Path(temporary).chmod(0o600)
    Path(temporary).replace(path)


def kept(path: Path, make: Any) -> Any:
    """What `path` holds as JSON, or what `make()` gives, kept there from now on."""
    if path.exists():
        return json.loads(path.read_text())
    value = make()
    write_atomically(path, json.dumps(value, indent=2))
    return value


def choose_ports(layout: Layout) -> dict[str, int]:
    """The stack's ports: chosen once around those in use, then kept, because the issuer contains one.

    Raises:
        PortTakenError: a kept port is taken; the message names its holder and what to do.
    """
    path = layout.root / "ports.json"
    ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    with _claims_of_other_stacks() as claimed:
        for name, first in PORTS.items():
            if name in ports:
                if not is_port_free(ports[name]):
                    raise PortTakenError(_taken(name, ports[name], path))
                continue
            avoided = {*ports.values(), *claimed, *(set(PORTS.values()) - {first})}
            ports[name] = next(
                port
                for port in range(first, 65_535 - _CLUSTER_BUS_OFFSET)
                if port not in avoided
                and is_port_free(port)
                and (name != "redis" or is_port_free(port + _CLUSTER_BUS_OFFSET))
            )
        claimed.update(dict.fromkeys(ports.values(), os.getpid()))
    write_atomically(path, json.dumps(ports, indent=2))
    return ports


@contextmanager
def _claims_of_other_stacks() -> Iterator[dict[int, int]]:
    """Port -> process id of the stack that is about to listen there: a stack takes seconds to open its ports."""
    path = Path(tempfile.gettempdir(), f"auth-platform-ports-{os.getuid()}.json")
    with path.open("a+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        found = {int(port): pid for port, pid in json.loads(stream.read() or "{}").items()}
        claims = {port: pid for port, pid in found.items() if pid != os.getpid() and _is_alive(pid)}
        yield claims
        stream.truncate(0)
        stream.write(json.dumps(claims))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _taken(name: str, port: int, path: Path) -> str:
    return (
        f"port {port}, which this stack keeps for {name}, is taken by {port_holder(port)}. End that process, "
        f"or remove the line from {path} to get a new port"
        + (" (tokens and links issued so far name the old one)." if name == "token_core" else ".")
    )


def port_holder(port: int) -> str:
    """Who listens on a port, as far as the operating system tells us."""
    import psutil  # noqa: PLC0415  only needed on this unhappy path

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                process = psutil.Process(connection.pid)
                return f"process {process.pid} ({' '.join(process.cmdline())[:120] or process.name()})"
    except psutil.Error:
        pass
    return "a process that can't be seen from here"


def make_secrets() -> dict[str, str]:
    """Every secret of a local stack, generated once."""
    people = {name: f"demo {secrets.token_hex(5)}" for name in ("demo_user_password", "demo_admin_password")}
    return people | {
        name: secrets.token_urlsafe(32)
        for name in (
            "postgres_password",
            "redis_password",
            "clickhouse_password",
            "refresh_token_key",
            "link_key",
            "pseudonym_key",
            "cookie_key",
            "developer_secret_access_key",
            "platform_secret_access_key",
        )
    }
