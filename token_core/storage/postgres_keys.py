"""Keeps the key ring as the table of signing keys says. A key is unwrapped and parsed once, not at every look."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.aead import UnsealError
from shared.clock import utc_now
from shared.signing_keys import load_signing_keys_async

if TYPE_CHECKING:
    from shared.kms import DataKeys
    from token_core.storage.database import Database
    from token_core.tokens.keys import KeyRing

_SUMMARY = """
SELECT kid, state, publish_until FROM signing_keys
 WHERE state IN ('announced', 'active') OR (state = 'retired' AND publish_until > now()) ORDER BY kid
"""
_log = logging.getLogger("token_core.keys")


class PostgresKeys:
    """Loads a `KeyRing`."""

    def __init__(self, database: Database, data_keys: DataKeys, ring: KeyRing) -> None:
        self._database, self._data_keys, self._ring = database, data_keys, ring
        self._loaded: list[Any] | None = None

    async def reload(self) -> None:
        """Take what changed. Where KMS can't unwrap it now, the keys at hand go on, and the next look tries again.

        Raises:
            TemporarilyUnavailable: Postgres can't be asked.
        """
        summary = await self._database.read_all(_SUMMARY)
        if summary == self._loaded:
            return
        try:
            async with self._database.transaction() as connection:
                keys = await load_signing_keys_async(connection, self._data_keys, utc_now())
        except (BotoCoreError, ClientError, UnsealError, LookupError) as error:
            _log.error("signing keys not loaded", extra={"error": type(error).__name__})
            kept = {row[0] for row in summary}
            self._ring.forget_all_but(kept)  # a compromised key goes even so
            return
        self._ring.load(keys, utc_now())
        self._loaded = summary
        _log.info("signing keys loaded", extra={"kids": list(self._ring.kids)})
