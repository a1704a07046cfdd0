"""Postgres as the local cloud runs it, through psycopg, against the real server."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

import psutil
import psycopg
import pytest

from local.engines.postgres import STOP_SIGNAL, DataDirectoryInUseError, PostgresServer
from local.engines.process import ForegroundProcess, ProcessDiedError, free_port


def until_killed(write):
    """What a writer does when its server is killed under it is the client's affair."""
    with contextlib.suppress(Exception):
        write()


class Running:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.password_file = directory / "password"
        self.password_file.write_text("pass word/with@all:of?it")
        self.server = PostgresServer(directory / "data", free_port(), self.password_file.read_text())
        self.process = self.new_process()

    def new_process(self, **options):
        return ForegroundProcess(
            self.server.command(self.password_file, **options), stop_signal=STOP_SIGNAL, log_path=self.directory / "log"
        )

    def start(self):
        self.process = self.new_process().start()
        self.server.wait_until_ready(self.process)
        return self

    def connect(self, **options):
        return psycopg.connect(self.server.dsn(), autocommit=True, **options)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("postgres")).start()
    yield running
    running.process.stop()


@pytest.fixture
def own_postgres(tmp_path):
    running = Running(tmp_path / "postgres").start()
    yield running
    running.process.stop()


def show(connection, name):
    return connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]


def test_it_is_postgres_18_with_durable_and_small_settings(postgres):
    with postgres.connect() as connection:
        got = {name: show(connection, name) for name in ("fsync", "synchronous_commit", "jit", "max_connections")}
        version = connection.info.server_version
    assert version >= 180000
    assert got == {"fsync": "on", "synchronous_commit": "on", "jit": "off", "max_connections": "200"}


def test_databases_are_utf8_and_sort_by_code_point(postgres):
    with postgres.connect() as connection:
        row = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale FROM pg_database WHERE datname='postgres'"
        ).fetchone()
    assert row == ("UTF8", "b", "C.UTF-8")


def test_a_wrong_password_is_refused(postgres):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.server.dsn(password="wrong"))


def test_passwords_are_stored_as_scram(postgres):
    with postgres.connect() as connection:
        stored = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname='postgres'").fetchone()[0]
    assert stored.startswith("SCRAM-SHA-256$")


def test_it_listens_on_loopback_only(postgres):
    addresses = {c.laddr.ip for c in psutil.Process(postgres.process.pid).net_connections() if c.status == "LISTEN"}
    assert addresses == {"127.0.0.1"}


def test_the_started_pid_is_the_postmaster_and_is_not_root(postgres):
    process = psutil.Process(postgres.process.pid)
    assert process.name() == "postgres"
    assert process.uids().real != 0


def test_ensure_database_may_be_repeated(postgres):
    dsn = postgres.server.ensure_database("odd name")
    assert postgres.server.ensure_database("odd name") == dsn
    with psycopg.connect(dsn) as connection:
        assert connection.info.dbname == "odd name"


def test_a_second_postmaster_on_the_same_data_is_refused_by_name(postgres):
    with pytest.raises(DataDirectoryInUseError, match=str(postgres.process.pid)):
        postgres.server.prepare()
    second = ForegroundProcess(
        postgres.server.command(postgres.password_file), log_path=postgres.directory / "second"
    ).start()
    with pytest.raises(ProcessDiedError, match="already runs"):
        second.wait_until(lambda: False)


def test_an_initdb_that_was_killed_is_started_over(tmp_path):
    running = Running(tmp_path)
    (tmp_path / "data.initdb").mkdir()
    (tmp_path / "data.initdb" / "PG_VERSION").write_text("18")
    running.start()
    running.process.stop()
    assert not (tmp_path / "data.initdb").exists()


@pytest.mark.alone
def test_fast_shutdown_leaves_no_process_behind(own_postgres):
    connection = own_postgres.connect()
    children = psutil.Process(own_postgres.process.pid).children(recursive=True)
    assert own_postgres.process.stop() == 0
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    connection.close()


@pytest.mark.alone
def test_nothing_committed_is_lost_when_it_is_killed_again_and_again(own_postgres):
    with own_postgres.connect() as connection:
        connection.execute("CREATE TABLE acknowledged (n bigint PRIMARY KEY)")
    acknowledged = []

    def write():
        with own_postgres.connect() as connection:
            while True:
                n = len(acknowledged)
                connection.execute("INSERT INTO acknowledged VALUES (%s) ON CONFLICT DO NOTHING", [n])
                acknowledged.append(n)

    for round_number in range(1, 4):
        writer = threading.Thread(target=until_killed, args=(write,))
        writer.start()
        wanted, deadline = round_number * 100, time.monotonic() + 20
        while len(acknowledged) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        own_postgres.process.kill()
        writer.join()
        own_postgres.start()  # at once: orphaned backends may still be there
    with own_postgres.connect() as connection:
        kept = {n for (n,) in connection.execute("SELECT n FROM acknowledged")}
    assert len(acknowledged) >= 300
    assert set(acknowledged) <= kept


@pytest.mark.alone
def test_it_starts_although_a_killed_postmasters_backend_is_stuck(own_postgres):
    connection = own_postgres.connect()
    backend = connection.info.backend_pid
    os.kill(backend, signal.SIGSTOP)  # it cannot notice that its postmaster is gone
    own_postgres.process.kill()
    own_postgres.start()
    assert not psutil.pid_exists(backend) or psutil.Process(backend).status() == psutil.STATUS_ZOMBIE
    connection.close()


@pytest.mark.alone
def test_a_pid_file_whose_pid_now_belongs_to_another_does_not_stop_it(own_postgres):
    own_postgres.process.kill()
    pid_file = own_postgres.server.data_dir / "postmaster.pid"
    lines = pid_file.read_text().split("\n")
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    own_postgres.start()


@pytest.mark.alone
def test_with_parent_it_ends_when_its_supervisor_is_killed(own_postgres):
    own_postgres.process.stop()
    supervisor = ForegroundProcess(
        [
            "sh",
            "-c",
            '"$@" & wait',
            "sh",
            *own_postgres.server.command(own_postgres.password_file, with_parent=True),
        ],
        log_path=own_postgres.directory / "log",
    ).start()
    own_postgres.server.wait_until_ready(supervisor)
    pid_file = own_postgres.server.data_dir / "postmaster.pid"
    postmaster = psutil.Process(int(pid_file.read_text().split("\n")[0]))
    supervisor.kill()
    assert psutil.wait_procs([postmaster], timeout=10)[1] == []
