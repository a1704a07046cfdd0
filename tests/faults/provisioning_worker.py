"""A worker of its own process, to be killed: applies a file of messages, as a function's sandbox does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from functions.provision_user.message import Message
from functions.provision_user.provision import provision
from functions.provision_user.services import Services
from shared.kms import DataKeys
from shared.subject_keys import SubjectKeys
from tests.fixtures.provisioning import PSEUDONYM_KEY, connect


def main() -> None:
    dsn, kms_key, records = sys.argv[1:]
    services = Services(SubjectKeys(DataKeys(kms_key)), PSEUDONYM_KEY)
    with connect(dsn) as connection:
        for fields in json.loads(Path(records).read_text()):
            provision(connection, services, Message(*fields))


main()
