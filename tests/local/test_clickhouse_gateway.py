"""ClickHouse's HTTP interface of the local cloud, through clickhouse-connect and plain HTTP, against the running gateway."""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
import threading
import time
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor

import clickhouse_connect
import httpx
import lz4.frame
import psutil
import pyarrow as pa
import pytest
import zstandard
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from local.engines.process import ForegroundProcess, ProcessDiedError, free_port


def until_killed(write):
    """What a writer does when its server is killed under it is the client's affair."""
    with contextlib.suppress(Exception):
        write()


class Gateway:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        (directory / "password").write_text("pass word\n")
        self.process = None

    def new_process(self):
        argv = [sys.executable, "-m", "local.clickhouse", "--data", str(self.directory / "data dir")]
        argv += ["--port", str(self.port), "--user", "app", "--password-file", str(self.directory / "password")]
        return ForegroundProcess(argv, log_path=self.directory / "log")

    def start(self):
        self.process = self.new_process().start()
        self.process.wait_until(self.is_ready)
        return self

    def is_ready(self):
        try:
            return httpx.get(f"{self.url}ping").text == "Ok.\n"
        except httpx.TransportError:
            return False

    def client(self, **options):
        given = {"username": "app", "password": "pass word", "host": "127.0.0.1", "port": self.port, **options}
        return clickhouse_connect.get_client(**given)

    def post(self, sql=None, content=b"", headers=None, **params):
        if sql is not None:
            params["query"] = sql
        return httpx.post(
            self.url, params=params, content=content, headers=headers, auth=("app", "pass word"), timeout=60
        )

    def get(self, sql, headers=None, **params):
        return httpx.get(self.url, params={"query": sql, **params}, headers=headers, auth=("app", "pass word"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("clickhouse")).start()
    yield running
    running.process.stop()


@pytest.fixture
def table(gateway):
    name = f"t{uuid.uuid4().hex}"
    sql = f"CREATE TABLE {name} (a UInt64, b String) ENGINE = MergeTree ORDER BY a"
    gateway.client().command(f"{sql} SETTINGS non_replicated_deduplication_window = 100")
    return name


def test_clickhouse_connect_works_unmodified(gateway, table):
    client = gateway.client()
    assert client.ping()
    client.insert(table, [[1, "x"], [2, "ü\t\\'"]], column_names=["a", "b"])
    assert client.query(f"SELECT * FROM {table} ORDER BY a").result_rows == [(1, "x"), (2, "ü\t\\'")]
    assert client.command(f"SELECT count() FROM {table}") == 2


def test_arrow_goes_in_and_out(gateway, table):
    client = gateway.client()
    rows = pa.table({"a": pa.array(range(200_000), pa.uint64()), "b": ["x"] * 200_000})
    assert client.insert_arrow(table, rows).written_rows == 200_000
    assert client.query_arrow(f"SELECT * FROM {table}").num_rows == 200_000
    assert list(client.query_df(f"SELECT a, b FROM {table} ORDER BY a LIMIT 2")["a"]) == [0, 1]


FORMATS = [
    "JSON",
    "CSVWithNames",
    "Values",
    "ORC",
    "Native",
    "Arrow",
    "ArrowStream",
    "Parquet",
    "JSONEachRow",
    "JSONCompactEachRow",
    "RowBinary",
    "CSV",
    "TSV",
]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("count", [0, 3, 300_000])
def test_every_format_makes_the_round_trip(gateway, table, form, count):
    answer = gateway.get(f"SELECT number AS a, toString(number) AS b FROM numbers({count}) FORMAT {form}")
    assert (answer.status_code, answer.headers["x-clickhouse-format"]) == (200, form)
    assert gateway.post(f"INSERT INTO {table} FORMAT {form}", answer.content).status_code == 200
    assert gateway.get(f"SELECT count(), sum(a) FROM {table}").text == f"{count}\t{count * (count - 1) // 2}\n"


def test_the_statement_may_come_before_its_data_in_the_body(gateway, table):
    body = f'/* FORMAT */ INSERT INTO {table} (a, `b`) FORMAT CSV\n1,"FORMAT TSV"\n2,x\n'.encode()
    assert gateway.post(content=body).status_code == 200
    assert gateway.post(content=f"INSERT INTO {table} VALUES (3, 'a;b'), (4, 'c')".encode()).status_code == 200
    assert gateway.post(content=f"INSERT INTO {table} SELECT 5, 'FORMAT Null'".encode()).status_code == 200
    assert gateway.get(f"SELECT groupArray(b) FROM (SELECT b FROM {table} ORDER BY a)").text == (
        "['FORMAT TSV','x','a;b','c','FORMAT Null']\n"
    )


def test_a_token_deduplicates_an_insert_and_holds_for_that_insert_only(gateway, table):
    client = gateway.client()
    for _ in range(2):
        client.insert(table, [[1, "x"]], column_names=["a", "b"], settings={"insert_deduplication_token": "one"})
    client.insert(table, [[2, "y"]], column_names=["a", "b"])
    client.insert(table, [[3, "z"]], column_names=["a", "b"], settings={"insert_deduplication_token": "two"})
    assert client.command(f"SELECT count() FROM {table}") == 3


def test_a_setting_holds_for_its_query_only(gateway):
    client = gateway.client()
    assert client.command("SELECT getSetting('max_threads')", settings={"max_threads": 3}) == 3
    assert client.command("SELECT getSetting('max_block_size')", settings={"max_block_size": 7}) == 7
    assert client.command("SELECT getSetting('max_block_size')") != 7


def test_parameters_are_bound_by_the_server(gateway):
    value = "it's\t\\ ü\n{a:String} \0"
    bound = gateway.client().query(
        "SELECT {n:UInt8} + 1, {s:String}, {d:DateTime}", parameters={"n": 3, "s": value, "d": "2026-01-01 00:00:00"}
    )
    assert bound.result_rows[0][:2] == (4, value)
    many = gateway.client(form_encode_query_params=True)
    assert many.query("SELECT {s:String}", parameters={"s": "x" * 100_000}).result_rows == [("x" * 100_000,)]


def test_a_parameter_cannot_become_sql(gateway):
    assert gateway.get("SELECT {s:String}", param_s="'; DROP TABLE x; --").text == "\\'; DROP TABLE x; --\n"


def test_the_database_of_the_client_is_where_names_are_looked_up(gateway):
    gateway.client().command("CREATE DATABASE IF NOT EXISTS other")
    client = gateway.client(database="other")
    client.command("CREATE OR REPLACE TABLE here (a UInt8) ENGINE = MergeTree ORDER BY a")
    client.insert("here", [[1]], column_names=["a"])
    assert gateway.client().command("SELECT count() FROM other.here") == 1
    assert gateway.get("SELECT 1", database="nope").headers["x-clickhouse-exception-code"] == "81"


def test_a_wrong_user_or_password_gets_error_516(gateway):
    for credentials in ({"password": "no"}, {"username": "other"}, {"username": "default", "password": ""}):
        with pytest.raises(DatabaseError, match="516"):
            gateway.client(**credentials)
    answer = httpx.get(gateway.url, params={"query": "SELECT 1"}, headers={"X-ClickHouse-User": "app"})
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "516")
    keyed = {"X-ClickHouse-User": "app", "X-ClickHouse-Key": "pass word"}
    assert httpx.get(gateway.url, params={"query": "SELECT 1"}, headers=keyed).text == "1\n"


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELECT * FROM nope", 404, "60"),
        ("SELEC 1", 400, "62"),
        ("SELECT nope(1)", 404, "46"),
        ("SELECT toUInt8('x')", 400, "6"),
        ("SELECT 1 SETTINGS nope = 1", 404, "115"),
        ("SELECT 1 FORMAT Nope", 404, "73"),
        ("SELECT throwIf(1)", 500, "395"),
        ("   ", 400, "62"),
    ],
)
def test_an_error_has_clickhouses_status_code_and_words(gateway, sql, status, code):
    answer = gateway.post(sql)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (status, code)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_data_that_does_not_fit_is_refused_whole(gateway, table):
    answer = gateway.post(f"INSERT INTO {table} FORMAT CSV", b"1,a\nx,b\n")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (400, "27")
    rows = [[n, "x"] for n in range(10)] + [["not a number", "x"]]
    with pytest.raises(Exception, match=r"(?i)number|int|data|array"):
        gateway.client().insert(table, rows, column_names=["a", "b"])
    assert gateway.get(f"SELECT count() FROM {table}").text == "0\n"


def test_an_error_in_mid_stream_raises_instead_of_ending(gateway):
    client, received = gateway.client(), 0
    with (  # noqa: PT012
        pytest.raises(StreamFailureError, match="late") as caught,
        client.query_row_block_stream("SELECT throwIf(number = 4000000, 'late') FROM numbers(6000000)") as stream,
    ):
        for block in stream:
            received += len(block)
    assert received > 0
    assert caught.value.code == 395


@pytest.mark.parametrize("encoding", ["gzip", "lz4", "zstd", "deflate", ""])
def test_an_error_in_mid_stream_breaks_the_connection_and_bears_the_announced_tag(gateway, encoding):
    body, tag = b"", ""
    sql = "SELECT throwIf(number = 4000000, 'late') FROM numbers(6000000) SETTINGS max_threads = 1"
    with (  # noqa: PT012
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream(
            "POST",
            gateway.url,
            params={"query": sql, "enable_http_compression": "1"},
            headers={"Accept-Encoding": encoding},
            auth=("app", "pass word"),
        ) as answer,
    ):
        tag = answer.headers["x-clickhouse-exception-tag"]
        for piece in answer.iter_raw():
            body += piece
    decode = {
        "gzip": lambda data: zlib.decompressobj(31).decompress(data),
        "deflate": lambda data: zlib.decompressobj(15).decompress(data),
        "lz4": lambda data: lz4.frame.LZ4FrameDecompressor().decompress(data),
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        "": lambda data: data,
    }[encoding]
    end = decode(body)[-1000:].decode()
    assert f"__exception__\r\n{tag}\r\nCode: 395. DB::Exception: late" in end
    assert end.endswith(f" {tag}\r\n__exception__\r\n")


def test_with_wait_end_of_query_a_late_error_has_its_own_status(gateway):
    answer = gateway.post("SELECT throwIf(number = 4000000) FROM numbers(6000000)", wait_end_of_query="1")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (500, "395")


BODIES = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("encoding", BODIES)
def test_compressed_bodies_are_read_and_written(gateway, table, encoding):
    rows = b"".join(b"%d\tx\n" % n for n in range(200_000))
    packed = BODIES[encoding](rows)
    answer = gateway.post(f"INSERT INTO {table} FORMAT TSV", packed, headers={"Content-Encoding": encoding})
    assert answer.status_code == 200, answer.text
    client = gateway.client(compress=encoding)
    asked = gateway.get("SELECT 1", headers={"Accept-Encoding": encoding}, enable_http_compression="1")
    assert asked.headers["content-encoding"] == encoding
    assert len(client.query(f"SELECT a FROM {table}").result_rows) == 200_000
    if encoding != "deflate":  # clickhouse-connect cannot write it
        client.insert(table, [[1, "x"]], column_names=["a", "b"])


@pytest.mark.parametrize("encoding", BODIES)
def test_a_body_cut_short_is_refused(gateway, table, encoding):
    rows = b"".join(b"%d\tx\n" % n for n in range(1_000))
    packed = BODIES[encoding](rows)[:-12]
    answer = gateway.post(f"INSERT INTO {table} FORMAT TSV", packed, headers={"Content-Encoding": encoding})
    assert answer.status_code >= 400
    assert gateway.get(f"SELECT count() FROM {table}").text == "0\n"


def test_unknown_compression_and_the_block_format_are_refused_by_name(gateway):
    assert gateway.post("SELECT 1", headers={"Content-Encoding": "br"}).status_code == 501
    answer = gateway.post("SELECT 1", compress="1")
    assert (answer.status_code, "compress" in answer.text) == (501, True)


def test_headers_tell_summary_query_id_format_and_timezone(gateway, table):
    answer = gateway.post("SELECT number FROM numbers(10) FORMAT JSON", query_id="mine")
    assert answer.headers["x-clickhouse-query-id"] == "mine"
    assert answer.headers["x-clickhouse-format"] == "JSON"
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert answer.headers["x-clickhouse-timezone"]
    assert json.loads(answer.headers["x-clickhouse-summary"])["result_rows"] == "10"
    inserted = gateway.post(f"INSERT INTO {table} FORMAT TSV", b"1\ta\n2\tb\n")
    assert json.loads(inserted.headers["x-clickhouse-summary"])["written_rows"] == "2"


def test_get_reads_and_does_not_write(gateway):
    answer = gateway.get("CREATE TABLE by_get (a UInt8) ENGINE = Memory")
    assert answer.headers["x-clickhouse-exception-code"] == "164"
    assert gateway.get("SELECT 1").text == "1\n"


def test_a_session_keeps_its_temporary_table_and_settings_and_others_do_not_see_them(gateway):
    client = gateway.client(session_id="mine")
    client.command("CREATE TEMPORARY TABLE kept (a UInt8)")
    client.command("INSERT INTO kept VALUES (7)")
    client.command("SET max_block_size = 11")
    assert client.command("SELECT getSetting('max_block_size')", settings={"max_block_size": 13}) == 13
    assert client.query("SELECT a, getSetting('max_block_size') FROM kept").result_rows == [(7, 11)]
    with pytest.raises(DatabaseError, match="kept"):
        gateway.client(session_id="other").query("SELECT a FROM kept")


def test_two_queries_at_once_in_one_session_are_refused(gateway):
    running = ThreadPoolExecutor(1).submit(gateway.post, "SELECT sleep(3) -- locked", session_id="locked")
    wait_for(lambda: running_queries(gateway, "locked") == "1")
    assert gateway.get("SELECT 1", session_id="locked").headers["x-clickhouse-exception-code"] == "373"
    assert running.result().status_code == 200


def test_external_data_is_seen_by_its_query(gateway):
    from clickhouse_connect.driver.external import ExternalData

    data = ExternalData(file_name="ids.csv", data=b"1\n3\n", fmt="CSV", structure="id UInt64")
    found = gateway.client().query(
        "SELECT number FROM numbers(5) WHERE number IN (SELECT id FROM ids)", external_data=data
    )
    assert found.result_rows == [(1,), (3,)]


def test_queries_run_in_parallel(gateway):
    begin = threading.Barrier(4)

    def run(_):
        client = gateway.client()
        begin.wait()
        started = time.monotonic()
        client.command("SELECT sleep(1)")
        return started, time.monotonic()

    with ThreadPoolExecutor(4) as pool:
        spans = list(pool.map(run, range(4)))
    assert max(start for start, _ in spans) < min(end for _, end in spans)


def running_queries(gateway, marker):
    sql = f"SELECT count() FROM system.processes WHERE query LIKE '%{marker}%' AND query NOT LIKE '%processes%'"
    return gateway.get(sql).text.strip()


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_query_ends_by_kill_query(gateway):
    sql = "SELECT sum(sipHash64(number)) FROM numbers(100000000000) SETTINGS max_threads = 1 -- killed"
    answer = ThreadPoolExecutor(1).submit(gateway.post, sql, query_id="victim")
    wait_for(lambda: running_queries(gateway, "killed") == "1")
    assert gateway.post("KILL QUERY WHERE query_id = 'victim' ASYNC").status_code == 200
    assert answer.result().headers["x-clickhouse-exception-code"] == "394"


def test_a_readonly_query_ends_when_its_client_leaves(gateway):
    sql = "SELECT sum(sipHash64(number)) FROM numbers(100000000000) SETTINGS max_threads = 1 -- left"
    params = {"query": sql, "cancel_http_readonly_queries_on_client_close": "1"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(gateway.url, params=params, auth=("app", "pass word"), timeout=2)
    wait_for(lambda: running_queries(gateway, "left") == "0")


@pytest.mark.alone
def test_a_large_result_and_a_large_insert_are_not_held_in_memory(gateway, table):
    process = psutil.Process(gateway.process.pid)
    before = process.memory_info().rss
    size, peak = 0, 0
    sql = "SELECT repeat('x', 1000) FROM numbers(400000) FORMAT RowBinary SETTINGS max_block_size = 4096"
    with httpx.stream(
        "POST",
        gateway.url,
        params={"query": sql, "enable_http_compression": "0"},
        auth=("app", "pass word"),
        timeout=60,
    ) as answer:
        for piece in answer.iter_raw():
            size += len(piece)
            peak = max(peak, process.memory_info().rss)
    assert size == 400_000 * 1_002
    assert peak - before < 200 << 20  # a few blocks, of 400 MB

    def pieces():
        for n in range(150):
            yield b"".join(b"%d\t%b\n" % (n * 1000 + i, b"x" * 1000) for i in range(1000))

    assert gateway.post(f"INSERT INTO {table} FORMAT TSV", pieces()).status_code == 200
    assert gateway.get(f"SELECT count() FROM {table}").text == "150000\n"


def test_a_query_beyond_the_memory_limit_is_refused_and_the_engine_lives(gateway):
    answer = gateway.post("SELECT groupArray(number) FROM numbers(1000000000)")
    assert answer.headers["x-clickhouse-exception-code"] == "241"
    assert gateway.get("SELECT 1").text == "1\n"


@pytest.mark.alone
def test_idle_it_stays_within_its_memory(tmp_path):
    running = Gateway(tmp_path).start()
    try:
        running.client().command("SELECT 1")
        assert psutil.Process(running.process.pid).memory_info().rss < 450 << 20
    finally:
        assert running.process.stop() == 0


@pytest.mark.alone
def test_a_second_process_on_the_same_data_is_refused(gateway):
    other = Gateway(gateway.directory)
    process = other.new_process()
    process.log_path = gateway.directory / "second"
    process.start()
    with pytest.raises(ProcessDiedError):
        process.wait_until(lambda: False)


@pytest.mark.alone
def test_nothing_acknowledged_is_lost_when_it_is_killed_again_and_again(tmp_path):
    gateway = Gateway(tmp_path).start()
    try:
        client = gateway.client()
        client.command("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        client.command("CREATE TABLE seen (a UInt64) ENGINE = MergeTree ORDER BY a")
        client.command("CREATE MATERIALIZED VIEW to_seen TO seen AS SELECT a FROM t")
        acknowledged = []

        def write():
            own = gateway.client()
            while True:
                n = len(acknowledged)
                own.insert("t", [[n * 10 + i] for i in range(10)], column_names=["a"])
                acknowledged.append(n)

        for round_number in range(1, 4):
            writer = threading.Thread(target=until_killed, args=(write,))
            writer.start()
            while len(acknowledged) < round_number * 40 and writer.is_alive():
                writer.join(0.01)
            gateway.process.kill()
            writer.join()
            gateway.start()
        client = gateway.client()
        for name in ("t", "seen"):
            kept = {n for (n,) in client.query(f"SELECT DISTINCT a FROM {name}").result_rows}
            assert {n * 10 + i for n in acknowledged for i in range(10)} <= kept
        assert len(acknowledged) >= 120
    finally:
        gateway.process.stop()
