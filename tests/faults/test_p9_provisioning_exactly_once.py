"""P9: exactly once in effect, whatever is delivered twice, out of order, at once, or killed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from functions.provision_user.provision import provision
from tests.fixtures.provisioning import BACKEND, connect

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.alone


def story(desk, user):
    """What one backend says of one user, in order."""
    return [
        desk.message("user.create", user, {"email": f"{user}@example.com", "roles": ["member"]}),
        desk.message("user.update", user, {"profile": {"name": "One"}}),
        desk.message("user.assign_roles", user, {"roles": ["editor"]}),
        desk.message("user.update", user, {"profile": {"name": "Two"}}),
        desk.message("user.revoke_roles", user, {"roles": ["member"]}),
        desk.message("user.disable", user),
    ]


def assert_each_story_took_effect_once(desk, users):
    assert {row["external_id"] for row in desk.rows("SELECT external_id FROM users")} == set(users)
    for row in desk.rows("SELECT * FROM users"):
        assert (row["status"], row["profile"]) == ("disabled", {"name": "Two"})
    held = desk.rows("SELECT user_id, name FROM role_bindings JOIN roles ON roles.id = role_id")
    assert Counter(row["name"] for row in held) == {"editor": len(users)}
    assert len(desk.rows("SELECT 1 FROM email_log")) == len(users)
    counted = Counter(event["type"] for event in desk.events())
    assert counted == {
        "user.created": len(users),
        "user.updated": 2 * len(users),
        "user.roles_assigned": 2 * len(users),
        "user.roles_revoked": len(users),
        "user.disabled": len(users),
        "email.requested": len(users),
        "command.applied": 6 * len(users),
    }
    states = Counter(row["state"] for row in desk.rows("SELECT state FROM inbox"))
    assert states == {"applied": 6 * len(users)}


def test_three_deliveries_of_each_message_by_concurrent_workers_have_one_effect(desk):
    users = [f"x-{number}" for number in range(12)]
    stories = {user: story(desk, user) for user in users}
    shuffled = random.Random(9)
    locks = {user: threading.Lock() for user in users}
    done = dict.fromkeys(users, 0)
    failures = []

    def work():
        with connect(desk.dsn) as connection:
            while pending := [user for user in users if done[user] < len(stories[user])]:
                user = shuffled.choice(pending)
                if not locks[user].acquire(blocking=False):
                    continue
                try:  # one batch of a group: a stretch of it, then some of that again
                    start = done[user]
                    end = min(start + shuffled.randint(1, 3), len(stories[user]))
                    for message in stories[user][start:end]:
                        provision(connection, desk.services, message)
                    done[user] = end
                finally:
                    locks[user].release()
                for _ in range(2):  # late duplicates, without the group's lock, beside other workers
                    again = stories[user][:end]
                    shuffled.shuffle(again)
                    outcomes = [provision(connection, desk.services, message) for message in again]
                    failures.extend(outcome for outcome in outcomes if not outcome.is_repeat)

    with ThreadPoolExecutor(4) as pool:
        for worker in [pool.submit(work) for _ in range(4)]:
            worker.result()
    assert not failures
    assert_each_story_took_effect_once(desk, users)


def test_one_message_at_many_workers_at_once_has_one_effect(desk):
    message = desk.message("user.create", "y-1", {"email": "y-1@example.com"})
    together = threading.Barrier(8)

    def deliver():
        with connect(desk.dsn) as connection:
            together.wait()
            return provision(connection, desk.services, message)

    with ThreadPoolExecutor(8) as pool:
        outcomes = [future.result() for future in [pool.submit(deliver) for _ in range(8)]]
    assert Counter(outcome.is_repeat for outcome in outcomes) == {False: 1, True: 7}
    assert {outcome.state for outcome in outcomes} == {"applied"}
    assert len(desk.rows("SELECT 1 FROM users")) == 1


def test_an_address_that_many_groups_want_at_once_goes_to_one_and_the_others_are_parked(desk):
    messages = [desk.message("user.create", f"z-{number}", {"email": "wanted@example.com"}) for number in range(8)]
    together = threading.Barrier(8)

    def deliver(message):
        with connect(desk.dsn) as connection:
            together.wait()
            return provision(connection, desk.services, message)

    with ThreadPoolExecutor(8) as pool:
        outcomes = [future.result() for future in [pool.submit(deliver, message) for message in messages]]
    assert Counter((outcome.state, outcome.reason) for outcome in outcomes) == {
        ("applied", None): 1,
        ("parked", "email_taken"): 7,
    }


def test_a_worker_killed_in_the_middle_of_a_batch_leaves_each_command_done_or_not_begun(desk, cloud, kms_key, tmp_path):
    users = [f"k-{number}" for number in range(20)]
    stories = [story(desk, user) for user in users]
    batch = [message for step in zip(*stories, strict=True) for message in step]
    records = tmp_path / "batch.json"
    records.write_text(json.dumps([[m.sender_id, m.group, m.message_id, m.body] for m in batch]))
    chance = random.Random(4)
    kills = 0
    while True:
        before = len(desk.rows("SELECT 1 FROM inbox"))
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.provisioning_worker", desk.dsn, kms_key, str(records)],
            cwd=ROOT,
            env={**cloud.environment, "PATH": "/usr/bin:/bin"},
        )
        if kills < 4:
            wanted = before + chance.randint(5, 20)
            deadline = time.monotonic() + 60
            while len(desk.rows("SELECT 1 FROM inbox")) < wanted and time.monotonic() < deadline:
                assert worker.poll() is None
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            kills += 1
            continue
        assert worker.wait(timeout=120) == 0
        break
    assert_each_story_took_effect_once(desk, users)


def test_a_command_whose_transaction_failed_is_applied_when_it_comes_again(desk):
    message = desk.message("user.create", "f-1", {"email": "f-1@example.com"}, sender=BACKEND)
    with connect(desk.dsn) as connection:
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        original = desk.services.subject_keys.make

        def make_then_lose(*arguments):
            desk.connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            return original(*arguments)

        desk.services.subject_keys.make = make_then_lose
        import psycopg

        with pytest.raises(psycopg.OperationalError):
            provision(connection, desk.services, message)
        desk.services.subject_keys.make = original
    assert not desk.rows("SELECT 1 FROM inbox")
    assert not desk.events()
    assert desk.take(message).state == "applied"
    assert len(desk.events("user.created")) == 1
