"""Rounds in turn (A B C, A B C, ...), so that what else the machine does meets all sides alike; medians of them."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.load import Load
    from benchmarks.parts import Server


@dataclass
class Series:
    """One side of a comparison: its server and what drives it."""

    name: str
    server: Server
    drive: Callable[[float], Load]
    per_second: list[float] = field(default_factory=list)
    cpu_micros: list[float] = field(default_factory=list)
    requests: int = 0
    errors: int = 0

    def run(self, seconds: float) -> None:
        cpu = self.server.cpu_seconds()
        load = self.drive(seconds)
        cpu = self.server.cpu_seconds() - cpu
        self.requests += load.requests
        self.errors += load.errors
        self.per_second.append(load.requests / load.seconds)
        self.cpu_micros.append(cpu / load.requests * 1e6)

    @property
    def rate(self) -> float:
        """Answers a second by the clock: what the machine left for both sides is in it."""
        return statistics.median(self.per_second)

    @property
    def micros(self) -> float:
        """The server's CPU microseconds for one answer."""
        return statistics.median(self.cpu_micros)


@dataclass
class Signing:
    """P-256 signatures by `cryptography`, one after the other."""

    per_second: list[float] = field(default_factory=list)
    cpu_micros: list[float] = field(default_factory=list)

    def run(self, count: int = 4000) -> None:
        key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA256())
        message = b"x" * 400
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            key.sign(message, algorithm)
        self.per_second.append(count / (time.perf_counter() - wall))
        self.cpu_micros.append((time.process_time() - cpu) / count * 1e6)

    @property
    def rate(self) -> float:
        return statistics.median(self.per_second)

    @property
    def micros(self) -> float:
        return statistics.median(self.cpu_micros)


def interleave(series: list[Series], signing: Signing, rounds: int, seconds: float) -> None:
    """A short round of each that counts for nothing but errors, then the rounds."""
    for one in series:
        one.run(1.0)
        assert not one.errors, f"{one.name}: {one.errors} of {one.requests} answers were errors"
        one.per_second.clear()
        one.cpu_micros.clear()
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
        signing.run()
        for one in series:
            one.run(seconds)
