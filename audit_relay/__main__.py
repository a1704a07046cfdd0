"""`python -m audit_relay`: runs until SIGTERM or SIGINT, then drains and ends with 0."""

from __future__ import annotations

import signal
import threading

from audit_relay.config import Settings
from audit_relay.relay import Relay
from shared.config import load_settings
from shared.logging import configure_logging


def main() -> None:
    settings = load_settings(Settings)
    configure_logging("audit_relay", settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    relay = Relay(settings)
    relay.start()
    stopping.wait()
    relay.stop()


if __name__ == "__main__":
    main()
