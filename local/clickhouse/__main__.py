"""`python -m local.clickhouse --data DIR --port N --user NAME --password-file FILE`: the gateway in the foreground."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from local.clickhouse.gateway import ClickHouseGateway
from local.engines.serve import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.clickhouse", description="ClickHouse over HTTP")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", default="default")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--memory-mb", type=int, default=1500, help="what the engine may use for queries and caches")
    parser.add_argument("--ssl-certfile", type=Path)
    parser.add_argument("--ssl-keyfile", type=Path)
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one ends")
    arguments = parser.parse_args()
    users = {arguments.user: arguments.password_file.read_text().strip()}
    try:
        gateway = ClickHouseGateway(arguments.data.absolute(), users, memory_limit_bytes=arguments.memory_mb << 20)
    except RuntimeError as error:
        sys.exit(f"the engine cannot open {arguments.data}: {error}")
    tls = (arguments.ssl_certfile, arguments.ssl_keyfile) if arguments.ssl_certfile else None
    serve(gateway, arguments.port, with_parent=arguments.with_parent, tls=tls)
    sys.stdout.flush()
    os._exit(0)  # the engine's background threads have nothing to finish: all that was acknowledged is in its parts


if __name__ == "__main__":
    main()
