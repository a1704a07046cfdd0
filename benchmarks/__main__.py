"""`python -m benchmarks [--quick] [--only WORD]`: measures, prints; a full run writes RESULTS.md, results.json."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import workloads
from benchmarks.load import Request
from benchmarks.parts import LOAD_CORE, Platform, assert_all_is_on, start_floor, start_peer, start_platform, versions
from benchmarks.pinned import pin
from benchmarks.report import Run, as_json, as_markdown
from benchmarks.rounds import Series, Signing, interleave
from benchmarks.witnesses import assert_all_was_recorded
from benchmarks.workloads import Peer

_HERE = Path(__file__).parent
_WORKLOADS = ("client_credentials", "refresh", "jwks", "discovery")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--quick", action="store_true", help="two short rounds; writes nothing")
    parser.add_argument("--only", choices=_WORKLOADS, help="this workload alone; writes nothing")
    chosen = parser.parse_args()
    rounds, seconds = (2, 2.0) if chosen.quick else (5, 3.0)
    pin(LOAD_CORE)  # and with it all that is started from here, but the servers under load
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)  # Postgres may run as another user
        platform = start_platform(stack, folder)
        run = Run(versions(), assert_all_is_on(platform), rounds, seconds, workloads.CONNECTIONS, Signing())
        for name in [chosen.only] if chosen.only else _WORKLOADS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            with ExitStack() as beside:
                run.series[name] = _series(name, beside, folder, platform)
                interleave(run.series[name], run.signing, rounds, seconds)
        run.checks.update(assert_all_was_recorded(platform, run))
    text = as_markdown(run)
    print(text)
    if not chosen.quick and not chosen.only:
        (_HERE / "RESULTS.md").write_text(text)
        (_HERE / "results.json").write_text(json.dumps(as_json(run), indent=2) + "\n")
    return 1 if any(one.errors for sides in run.series.values() for one in sides) else 0


def _series(name: str, stack: ExitStack, folder: Path, platform: Platform) -> list[Series]:
    """Ours first, then the floor of the same answer's size, then the peer."""
    core = platform.core
    secret, tokens, peer_server = "", [""], None
    peer_server, secret, tokens = start_peer(stack, folder, workloads.FAMILIES)
    peer = Peer(peer_server, secret, tokens)
    if name in ("jwks", "discovery"):
        path = workloads.JWKS if name == "jwks" else workloads.DISCOVERY
        ours, theirs = Request("GET", path), Request("GET", workloads.PEER_JWKS if name == "jwks" else path)
    else:
        ours = workloads.machine_request(workloads.CORE_TOKEN, platform.secrets.machine)
        theirs = workloads.machine_request(workloads.PEER_TOKEN, peer.secret)
    if name == "refresh":
        mine = workloads.Rotating(core, workloads.CORE_TOKEN, platform.secrets.web, workloads.signed_in(platform))
        other = workloads.Rotating(peer.server, workloads.PEER_TOKEN, peer.secret, peer.refresh_tokens)
        return [mine.series("token core"), other.series("oidc-provider")]
    size = len(workloads.ask(core, ours))
    workloads.ask(peer.server, theirs)
    floor = start_floor(stack, folder, size)
    return [
        workloads.steady("token core", core, ours),
        workloads.steady("floor", floor, Request(ours.method, "/", ours.headers, ours.body)),
        workloads.steady("oidc-provider", peer.server, theirs),
    ]


if __name__ == "__main__":
    sys.exit(main())
