"""A small organisation for the grants: fakes of their ports that keep the ports' promises (one claim wins), nothing else."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretBytes

from shared.ids import new_id
from shared.signing_keys import SigningKey, public_jwk
from token_core.authority import Catalog, ClientRecord, Held, ScopeRecord
from token_core.grants.steps import TokenRequest
from token_core.storage.ports import Family, NewFamily, Redemption, Rotation, Spent
from token_core.tokens.authorization_code import AuthorizationCode, make_code
from token_core.tokens.keys import KeyRing
from token_core.tokens.refresh_token import RefreshToken, make_refresh_token

NOW = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
ISSUER, ORDERS, BILLING = "https://id.example.com", "https://orders.example", "https://billing.example"
REDIRECT_URI = "https://app.example/callback"
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
REFRESH_KEY = b"r" * 32
READ, WRITE, PAY = new_id(), new_id(), new_id()
SCOPES = {
    "orders.read": ScopeRecord("orders.read", "", ORDERS, frozenset({READ})),
    "orders.write": ScopeRecord("orders.write", "", ORDERS, frozenset({READ, WRITE})),
    "billing.pay": ScopeRecord("billing.pay", "", BILLING, frozenset({PAY})),
}
CATALOG = Catalog(
    SCOPES,
    {name: scope.permission_ids for name, scope in SCOPES.items()},
    {READ: "orders:read", WRITE: "orders:write", PAY: "bills:pay"},
    frozenset(),
)
CLERK = Held(("clerk",), frozenset({READ, WRITE}))
ALL_SCOPES = ("openid", "profile", "email", "offline_access", *SCOPES)
ADA = new_id()


def a_client(client_id: str = "web", **changes: Any) -> ClientRecord:
    return replace(
        ClientRecord(
            id=uuid.uuid5(uuid.NAMESPACE_URL, client_id), client_id=client_id, name=client_id,
            client_type="confidential", auth_method="client_secret_basic", redirect_uris=(REDIRECT_URI,),
            post_logout_redirect_uris=(), allowed_origins=frozenset(),
            grant_types=frozenset({"authorization_code", "refresh_token", "client_credentials"}),
            allowed_scopes=ALL_SCOPES, require_consent=False, pkce_exempt=False, id_token_algorithm="ES256",
            access_token_ttl_seconds=300, refresh_token_ttl_seconds=3_600, refresh_family_ttl_seconds=7_200,
            audience=None, secrets=(), held=CLERK,
        ),
        **changes,
    )  # fmt: skip


def a_key_ring() -> KeyRing:
    private = ec.generate_private_key(ec.SECP256R1())
    jwk, ring = public_jwk(private), KeyRing()
    ring.load([SigningKey(jwk["kid"], "ES256", "active", jwk, private, None, None)], NOW)
    return ring


@dataclass
class World:
    """`services` is what a grant gets. `fails` makes the durable log refuse."""

    users: dict[uuid.UUID, Held] = field(default_factory=lambda: {ADA: CLERK})
    events: list[Any] = field(default_factory=list)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    spent: dict[bytes, Spent] = field(default_factory=dict)
    families: dict[uuid.UUID, Family] = field(default_factory=dict)
    revoked: list[Any] = field(default_factory=list)
    is_session_over: bool = False
    fails: Exception | None = None
    keys: KeyRing = field(default_factory=a_key_ring)

    @property
    def services(self) -> Any:
        return SimpleNamespace(
            settings=SimpleNamespace(
                issuer=ISSUER, refresh_token_key=SecretBytes(REFRESH_KEY), refresh_replay_seconds=60
            ),
            authority=self, keys=self.keys, recorder=self, codes=Codes(self), ledger=Ledger(self),
            families=Families(self),
        )  # fmt: skip

    async def catalog(self) -> Catalog:
        return CATALOG

    async def user(self, user_id: uuid.UUID) -> Held | None:
        return self.users.get(user_id)

    async def make_durable(self, event: Any) -> None:
        if self.fails is not None:
            raise self.fails
        self.events.append(event)

    def issue_code(self, client: ClientRecord, now: datetime = NOW, **changes: Any) -> str:
        code = make_code(now)
        content = AuthorizationCode(
            client_id=client.client_id, user_id=ADA, session_id=new_id(), redirect_uri=REDIRECT_URI,
            scopes=("openid", "offline_access", "orders.read"), nonce="n-0S6_WzA2Mj", code_challenge=CHALLENGE,
            auth_time=int(now.timestamp()) - 5, amr=("pwd",), acr=None, issued_at_ms=int(now.timestamp() * 1000),
        )  # fmt: skip
        self.codes[code] = replace(content, **changes)
        return code

    def begin_family(self, client: ClientRecord, **changes: Any) -> RefreshToken:
        token = make_refresh_token(REFRESH_KEY, new_id(), 1)
        family = Family(
            id=token.family_id, user_id=ADA, client_id=client.id, session_id=new_id(),
            scopes=("openid", "offline_access", "orders.read", "orders.write"), auth_time=NOW, amr=("pwd",), acr=None,
            generation=1, current_hash=token.hash, previous_hash=None, answer=None, answer_binding=None,
            replay_until=None, idle_expires_at=NOW + timedelta(hours=1), expires_at=NOW + timedelta(hours=2),
            revoked_at=None, is_session_live=True,
        )  # fmt: skip
        self.families[token.family_id] = replace(family, **changes)
        return token


@dataclass
class Codes:
    world: World

    async def find(self, code: str) -> AuthorizationCode | None:
        return self.world.codes.get(code)


@dataclass
class Ledger:
    world: World

    async def redeem(self, redemption: Redemption) -> bool:
        if redemption.code_hash in self.world.spent or self.world.is_session_over:
            return False
        family: NewFamily | None = redemption.family
        self.world.spent[redemption.code_hash] = Spent(
            None if family is None else family.client_id, None if family is None else family.id, redemption.jti,
            redemption.access_token_expires_at,
        )  # fmt: skip
        self.world.events.append(redemption.event)
        return True

    async def find_spent(self, code_hash: bytes, issued_at: datetime) -> Spent | None:
        return self.world.spent.get(code_hash)

    async def revoke_what_it_gave(self, spent: Spent, now: datetime, event: Any) -> bool:
        self.world.revoked.append(spent)
        self.world.events.append(event)
        return True


@dataclass
class Families:
    world: World

    async def find(self, family_id: uuid.UUID) -> Family | None:
        return self.world.families.get(family_id)

    async def rotate(self, rotation: Rotation) -> bool:
        family = self.world.families[rotation.family_id]
        if family.current_hash != rotation.spent_hash or family.revoked_at is not None:
            return False
        self.world.families[family.id] = replace(
            family, generation=rotation.new_generation, current_hash=rotation.new_hash,
            previous_hash=rotation.spent_hash, answer=rotation.answer, answer_binding=rotation.answer_binding,
            replay_until=rotation.replay_until, idle_expires_at=rotation.idle_expires_at,
        )  # fmt: skip
        self.world.events.append(rotation.event)
        return True

    async def revoke(self, family_id: uuid.UUID, reason: str, now: datetime, event: Any, client_id: Any = None) -> bool:
        family = self.world.families[family_id]
        if family.revoked_at is not None:
            return False
        self.world.families[family_id] = replace(family, revoked_at=now, answer=None)
        self.world.events.append(event)
        return True


def a_request(grant_type: str, client: ClientRecord, now: datetime = NOW, **parameters: str) -> TokenRequest:
    return TokenRequest(grant_type, {"grant_type": grant_type, **parameters}, client, "request-1", now)


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def payload_of(event: Any) -> dict[str, Any]:
    return json.loads(event.payload)
