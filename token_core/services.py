"""What a worker holds while it runs. `app.py` builds it once; nothing else constructs adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis.asyncio.cluster import RedisCluster

    from shared.subject_keys import SubjectKeys
    from token_core.audit import Recorder
    from token_core.authority import Authority
    from token_core.config import Settings
    from token_core.storage.database import Database
    from token_core.storage.ports import CodeLedger, CodeStore, FamilyStore, People, TokenStanding
    from token_core.tokens.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    redis: RedisCluster
    authority: Authority  # clients, scopes, origins, users' standing: at most one second old
    keys: KeyRing
    recorder: Recorder  # makes events durable where no transaction does
    codes: CodeStore
    ledger: CodeLedger
    families: FamilyStore
    standing: TokenStanding
    people: People
    subject_keys: SubjectKeys
