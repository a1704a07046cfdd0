"""The shared samples, eaten by those who consume them: the lake, ClickHouse's columns, provisioning."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events import chain
from events.commands import COMMANDS
from events.envelope import Event
from events.registry import REGISTRY
from events.segment import Run, Segment, decode, encode
from functions.fan_out_audit.segment_table import segment_table
from functions.provision_user.message import Message
from functions.provision_user.reading import read_message

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "events" / "samples").glob("*.json"))
EVENTS = {f"{event_type}.{version}" for event_type, version in REGISTRY}
COMMAND_NAMES = {f"{command_type}.{version}" for command_type, version in COMMANDS}
PRODUCER = "outbox/0/0190f3a4-6c1e-7b2a-9d3e-5f6071829300"


def name_of(path: Path) -> str:
    return path.name.rsplit(".", 3)[0]


def is_pass(path: Path) -> bool:
    return path.name.endswith(".pass.json")


def event_of(path: Path) -> Event:
    event_type, version = name_of(path).rsplit(".", 1)
    payload = json.loads(path.read_text())["payload"]
    return Event(
        event_id=str(uuid.uuid5(uuid.NAMESPACE_URL, path.name)),
        type=event_type,
        version=int(version),
        occurred_at="2026-01-01T08:00:00.000000Z",
        request_id="request-0001",
        subject="client:demo",
        actor="client:demo",
        client_id="demo",
        session_id=None,
        subject_key_id=None,
        payload=json.dumps(payload),
        personal=None,
    )


def test_every_event_sample_becomes_a_row_of_the_lake_from_which_its_chain_can_be_recomputed():
    paths = [path for path in SAMPLES if name_of(path) in EVENTS and is_pass(path)]
    assert {name_of(path) for path in paths} == EVENTS, "a type has no passing sample"
    head = chain.genesis(PRODUCER)
    sealed = []
    for number, path in enumerate(paths, 1):
        one = chain.seal(head, PRODUCER, number, event_of(path))
        sealed.append(one)
        head = bytes.fromhex(one.hash)
    run = Run(PRODUCER, 1, len(sealed), chain.genesis(PRODUCER).hex(), head.hex())
    at = datetime(2026, 1, 1, 8, tzinfo=UTC)
    whole = Segment(
        segment_id="0190f3a4-6c1e-7b2a-9d3e-5f6071829301",
        version=1,
        shard="outbox/0",
        sealed_at=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        runs=(run,),
        lines=tuple(one.line for one in sealed),
    )

    rows = segment_table(decode(encode(whole))).to_pylist()

    previous = chain.genesis(PRODUCER)
    for row, path in zip(rows, paths, strict=True):
        payload = json.loads(path.read_text())["payload"]
        assert row["outcome"] == payload.get("outcome"), path.name
        assert row["jti"] == payload.get("jti"), path.name
        event = event_of(path)
        assert row["payload"] == event.payload
        previous = chain.link(previous, chain.canonical(row["producer"], row["number"], event))
        assert row["hash"] == previous.hex(), path.name


@pytest.mark.parametrize(
    "path", [path for path in SAMPLES if name_of(path) in COMMAND_NAMES], ids=lambda path: path.name
)
def test_provisioning_reads_a_command_sample_as_its_name_says(path):
    reading = read_message(Message("AIDASENDER", "emp-1815", "message-1", path.read_text()))
    if is_pass(path):
        assert reading.problem is None
        assert reading.command is not None
    else:
        assert reading.command is None
        assert reading.problem is not None
        assert reading.problem.reason
        assert not reading.problem.is_parked, "what can't be read can't be mended by waiting"


def test_every_column_of_the_lake_is_a_column_of_clickhouse():
    from functions.fan_out_audit.columns import LAKE

    migrations = "\n".join(path.read_text() for path in sorted((ROOT / "shared/clickhouse/migrations").glob("*.sql")))
    missing = [name for name in LAKE.names if f"    {name} " not in migrations]
    assert not missing
