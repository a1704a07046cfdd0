"""One password hashing process: reads jobs from standard input, answers on standard output, ends when its parent does.

A frame is four bytes of length and a JSON object. Jobs: {"op": "hash", "password"} and {"op": "verify", "password",
"hash"}; answers: {"hash"} or {"matches", "outdated"}.
Nothing is ever written elsewhere: the password lives in this memory only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import IO, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LENGTH_BYTES = 4


def main() -> None:
    nice, memory_kib, passes, lanes = (int(argument) for argument in sys.argv[1:5])
    os.closerange(3, 1024)  # uvloop hands down what is inheritable: the listening socket, for one
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when this ends
    os.nice(nice)
    if hasattr(os, "SCHED_BATCH"):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # never preempts who answers requests
    hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
    while (job := _read(sys.stdin.buffer)) is not None:
        _write(sys.stdout.buffer, _work(hasher, job))


def _work(hasher: PasswordHasher, job: dict[str, Any]) -> dict[str, Any]:
    if job["op"] == "hash":
        return {"hash": hasher.hash(job["password"])}
    try:
        hasher.verify(job["hash"], job["password"])
    except (VerificationError, InvalidHashError):
        return {"matches": False, "outdated": False}
    return {"matches": True, "outdated": hasher.check_needs_rehash(job["hash"])}


def _read(stream: IO[bytes]) -> dict[str, Any] | None:
    header = stream.read(LENGTH_BYTES)
    if len(header) < LENGTH_BYTES:
        return None
    job: dict[str, Any] = json.loads(stream.read(int.from_bytes(header, "big")))
    return job


def _write(stream: IO[bytes], answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    stream.write(len(body).to_bytes(LENGTH_BYTES, "big") + body)
    stream.flush()


if __name__ == "__main__":
    main()
