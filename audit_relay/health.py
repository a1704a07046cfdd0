"""Liveness, readiness and metrics on a small port of its own."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from shared.clock import monotonic_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_relay.loops import Loop
    from audit_relay.metrics import Metrics

STUCK_SECONDS = 60.0  # no step takes this long while what it talks to answers or times out


def liveness(loops: Sequence[Loop]) -> tuple[bool, dict[str, object]]:
    """Alive while every loop comes round: a stuck one is cured by a restart, a failing dependency is not."""
    now = monotonic_seconds()
    stuck = sorted(loop.name for loop in loops if now - loop.beat > STUCK_SECONDS)
    return not stuck, {"status": "stuck" if stuck else "alive", "stuck": stuck}


def readiness(loops: Sequence[Loop]) -> tuple[bool, dict[str, object]]:
    """Ready while every loop's last step succeeded; names the kind of error of each that failed."""
    states = {loop.name: loop.error or "ok" for loop in loops}
    ready = all(state == "ok" for state in states.values())
    return ready, {"status": "ready" if ready else "not ready", "loops": states}


class HealthServer:
    """Serves until `close`."""

    def __init__(self, host: str, port: int, loops: Sequence[Loop], metrics: Metrics) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/health/live":
                    self._answer(*liveness(loops))
                elif self.path == "/health/ready":
                    self._answer(*readiness(loops))
                elif self.path == "/metrics":
                    self._write(200, "text/plain; version=0.0.4; charset=utf-8", metrics.text())
                else:
                    self._write(404, "application/json", b'{"error":"not_found"}')

            def _answer(self, is_well: bool, body: dict[str, object]) -> None:  # noqa: FBT001 - unpacked
                self._write(200 if is_well else 503, "application/json", json.dumps(body).encode())

            def _write(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                """Probes every few seconds are no news."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
