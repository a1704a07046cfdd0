"""Ratios of one run, as text for people and as JSON for machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.clock import rfc3339, utc_now

if TYPE_CHECKING:
    from benchmarks.rounds import Series, Signing

_BARS = {
    ("client_credentials", "peer"): (2.5, 3.0), ("client_credentials", "ceiling"): (0.5, 0.6),
    ("refresh", "peer"): (2.0, 3.0), ("jwks", "floor"): (0.8, 0.9), ("discovery", "floor"): (0.8, 0.9),
}  # fmt: skip
"""Bar and target of each ratio: ours / the other."""


@dataclass
class Run:
    """All that a run measured. `series` by workload: ours first."""

    versions: dict[str, str]
    durability: dict[str, str]
    rounds: int
    seconds: float
    connections: int
    signing: Signing
    series: dict[str, list[Series]] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ratio:
    """Ours divided by the other: by server CPU time per answer, and by answers a second on the clock."""

    workload: str
    other: str
    by_cpu: float
    by_clock: float
    bar: float
    target: float

    @property
    def verdict(self) -> str:
        return "target" if self.by_cpu >= self.target else "bar" if self.by_cpu >= self.bar else "below the bar"


def ratios(run: Run) -> list[Ratio]:
    """Every ratio that has a bar."""
    found = []
    for (workload, other), (bar, target) in _BARS.items():
        sides = {one.name: one for one in run.series.get(workload, ())}
        if not sides:
            continue
        ours = sides["token core"]
        if other == "peer":
            rate, micros = sides["oidc-provider"].rate, sides["oidc-provider"].micros
        else:
            rate, micros = sides["floor"].rate, sides["floor"].micros
        if other == "ceiling":
            rate, micros = 1 / (1 / rate + 1 / run.signing.rate), micros + run.signing.micros
        found.append(Ratio(workload, other, micros / ours.micros, ours.rate / rate, bar, target))
    return found


def as_json(run: Run) -> dict[str, Any]:
    """Everything, each round's figure too."""
    return {
        "measured_at": rfc3339(utc_now()),
        "versions": run.versions, "durability": run.durability, "checks": run.checks,
        "rounds": run.rounds, "seconds": run.seconds, "connections": run.connections,
        "signatures": {"per_second": run.signing.per_second, "cpu_micros": run.signing.cpu_micros},
        "workloads": {
            name: {
                one.name: {
                    "per_second": one.per_second, "cpu_micros": one.cpu_micros, "requests": one.requests,
                    "errors": one.errors,
                }
                for one in sides
            }
            for name, sides in run.series.items()
        },
        "ratios": [
            {
                "workload": one.workload, "beside": one.other, "by_cpu": round(one.by_cpu, 3),
                "by_clock": round(one.by_clock, 3), "bar": one.bar, "target": one.target, "verdict": one.verdict,
            }
            for one in ratios(run)
        ],
    }  # fmt: skip


def as_markdown(run: Run) -> str:
    """RESULTS.md."""
    found = _ABOUT.format(
        day=f"{utc_now():%d %B %Y}", connections=run.connections, rounds=run.rounds, seconds=f"{run.seconds:.0f}"
    )
    found += _RATIOS
    for one in ratios(run):
        beside = {"peer": "the peer", "floor": "the floor", "ceiling": "the ceiling"}[one.other]
        found += f"| {one.workload} | {beside} | {one.by_cpu:.2f} | {one.by_clock:.2f} "
        found += f"| {one.bar} | {one.target} | {one.verdict} |\n"
    found += _FIGURES
    for name, sides in run.series.items():
        for side in sides:
            found += f"| {name} | {side.name} | {side.rate:,.0f} | {side.micros:.0f} "
            found += f"| {side.requests} | {side.errors} |\n"
    found += f"| P-256 signature | `cryptography` | {run.signing.rate:,.0f} | {run.signing.micros:.0f} | | |\n"
    found += _SIDES
    found += (
        ", ".join(f"{name} = {value}" for name, value in run.durability.items()) + ".\n\nCounted after the run:\n\n"
    )
    found += "".join(f"- {name}: {value}\n" for name, value in run.checks.items())
    return found + _MISSING + ", ".join(f"{name} {value}" for name, value in run.versions.items()) + ".\n"


_ABOUT = """# The last figures

Written by `make bench` on {day}. Only ratios mean something: all sides of a line ran in turn, in one run, on one
machine.

The server under load has one core, with one worker and production's options; the load, Postgres, Redis, the AWS
endpoints and the relay share the other. *By CPU* compares the CPU seconds that the server used for each answer, *by
clock* the answers a second. What else runs on the machine is in both: the clock shows it wholly, and a core that is
shared, or half idle because the other one is busy, has colder caches, which costs the side that does more work more.
The verdict is by CPU. The load is closed-loop, {connections} keep-alive connections, {rounds} rounds of {seconds} s
each side, medians.
"""
_RATIOS = """
| work | beside | by CPU | by clock | bar | target | verdict |
|---|---|---|---|---|---|---|
"""
_FIGURES = """
| work | side | answers/s | CPU µs an answer | answers | errors |
|---|---|---|---|---|---|
"""
_SIDES = """
The *floor* is the same ASGI server with a static answer of the same size; the *ceiling* is
1 / (1/floor + 1/signatures). The *peer* is npm `oidc-provider` with ES256 JWT access tokens, refresh rotation forced,
and its own in-memory store: it keeps nothing. Both sides' refresh answers carry an access token, an ID token and the
next refresh token.

What was on, read from the running parts: """
_MISSING = """
Not measured yet: the code exchange, introspection, userinfo, latency under open-loop load, growth, the functions'
throughput, cold starts.

Versions: """
