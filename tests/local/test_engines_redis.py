"""Redis as the local cloud runs it, through redis-py's RedisCluster, against the real server."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
import redis
from redis.cluster import RedisCluster

from local.engines.process import ForegroundProcess, free_port
from local.engines.redis import RedisServer


def until_killed(write):
    """What a writer does when its server is killed under it is the client's affair."""
    with contextlib.suppress(Exception):
        write()


class Running:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.password_file = directory / "password"
        self.password_file.write_text("a-password-of-its-own\n")
        self.server = RedisServer(directory / "data", free_port(also_offset=10_000), "a-password-of-its-own")
        self.process = None

    def start(self):
        self.process = ForegroundProcess(
            self.server.command(self.password_file), log_path=self.directory / "log"
        ).start()
        self.server.wait_until_ready(self.process)
        return self

    def client(self):
        return RedisCluster.from_url(self.server.url, decode_responses=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    server = Running(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.process.stop()


@pytest.fixture
def own_redis(tmp_path):
    server = Running(tmp_path / "redis").start()
    yield server
    server.process.stop()


def test_an_unmodified_cluster_client_finds_all_slots_on_one_node(running):
    with running.client() as client:
        assert client.set("k", "v")
        assert client.get("k") == "v"
        slots = client.cluster_slots()
    assert [(first, last) for first, last in slots] == [(0, 16383)]
    assert next(iter(slots.values()))["primary"][:2] == ("127.0.0.1", running.server.port)


def test_it_never_evicts_and_fsyncs_each_append_and_makes_no_snapshots(running):
    with running.client() as client:
        got = {
            name: client.config_get(name, target_nodes=RedisCluster.PRIMARIES)[name]
            for name in ("appendonly", "appendfsync", "maxmemory-policy", "save", "cluster-enabled")
        }
        assert int(client.config_get("maxmemory", target_nodes=RedisCluster.PRIMARIES)["maxmemory"]) > 0
    assert got == {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "save": "",
        "cluster-enabled": "yes",
    }


def test_without_the_password_nothing_is_answered(running):
    with redis.Redis(port=running.server.port) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_keys_of_two_slots_in_one_command_are_refused_as_a_cluster_does(running):
    with (
        redis.Redis(port=running.server.port, password=running.server.password) as client,
        pytest.raises(redis.ResponseError, match=r"CROSSSLOT|same slot"),
    ):
        client.eval("return redis.call('get', KEYS[1])", 2, "one", "other")


def test_all_slots_are_there_after_a_flush(running):
    with running.client() as client:
        client.flushall()
        assert client.cluster_info(target_nodes=RedisCluster.PRIMARIES)["cluster_slots_ok"] == "16384"


def test_its_files_are_readable_by_their_owner_only(running):
    assert (running.server.data_dir / "redis.conf").stat().st_mode & 0o077 == 0
    assert running.server.data_dir.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("port", [0, 55_536, 70_000])
def test_a_port_without_room_for_the_cluster_bus_is_refused(tmp_path, port):
    with pytest.raises(ValueError, match="cluster bus"):
        RedisServer(tmp_path, port, "a-password").prepare()


def test_a_password_that_would_break_the_configuration_is_refused(tmp_path):
    with pytest.raises(ValueError, match="password"):
        RedisServer(tmp_path, 20_000, 'x"\nrename-command').prepare()


@pytest.mark.alone
def test_nothing_acknowledged_is_lost_when_it_is_killed_again_and_again(own_redis):
    acknowledged = []

    def write():
        with own_redis.client() as client:
            while True:
                n = len(acknowledged)
                client.xadd("stream", {"n": n})
                client.set(f"key:{n}", n)
                acknowledged.append(n)

    for round_number in range(1, 4):
        writer = threading.Thread(target=until_killed, args=(write,))
        writer.start()
        wanted, deadline = round_number * 100, time.monotonic() + 20
        while len(acknowledged) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        own_redis.process.kill()
        writer.join()
        own_redis.start()
    with own_redis.client() as client:
        in_stream = {int(fields["n"]) for _, fields in client.xrange("stream")}
        missing = [n for n in acknowledged if client.get(f"key:{n}") != str(n)]
        assert client.cluster_info(target_nodes=RedisCluster.PRIMARIES)["cluster_state"] == "ok"
    assert len(acknowledged) >= 300
    assert set(acknowledged) <= in_stream
    assert not missing


@pytest.mark.alone
def test_it_keeps_its_data_when_it_moves_to_another_port(own_redis):
    with own_redis.client() as client:
        client.set("k", "v")
    own_redis.process.stop()
    own_redis.server = RedisServer(own_redis.server.data_dir, free_port(also_offset=10_000), own_redis.server.password)
    own_redis.start()
    with own_redis.client() as client:
        assert client.get("k") == "v"
