"""`python -m local.aws --port N --data DIR --config FILE`: the AWS endpoint in the foreground."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from pathlib import Path

from pydantic import ValidationError

from local.aws.app import AwsEndpoint
from local.aws.config import AwsConfig
from local.aws.moto_services import StateNotLoadedError
from local.engines.serve import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description="The AWS endpoint of the local cloud")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True, help="JSON; see local/aws/config.py")
    parser.add_argument("--ssl-certfile", type=Path)
    parser.add_argument("--ssl-keyfile", type=Path)
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one ends")
    arguments = parser.parse_args()
    try:
        endpoint = AwsEndpoint(AwsConfig.read(arguments.config), arguments.data.absolute())
    except (ValidationError, OSError) as error:
        sys.exit(f"{arguments.config}: {error}")
    except StateNotLoadedError as error:
        sys.exit(f"{arguments.data}: {error}")
    except sqlite3.OperationalError as error:
        sys.exit(f"{arguments.data} is in use by another process: {error}")
    tls = (arguments.ssl_certfile, arguments.ssl_keyfile) if arguments.ssl_certfile else None
    serve(endpoint, arguments.port, with_parent=arguments.with_parent, tls=tls, on_stop=endpoint.stop_waiting)


if __name__ == "__main__":
    main()
