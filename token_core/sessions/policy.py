"""The keys, times and limits of sign-ins, from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.pseudonyms import address_hash, identifier_hash

if TYPE_CHECKING:
    from token_core.sessions.guesses import GuessLimits


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    budget_key: bytes  # of guess budgets
    pseudonym_key: bytes
    link_key: bytes
    session_idle: timedelta
    session_lifetime: timedelta
    guesses: GuessLimits
    reset_link_lifetime: timedelta = timedelta(hours=1)
    device_link_lifetime: timedelta = timedelta(hours=1)

    def address_hash(self, address: str) -> str:
        return address_hash(self.pseudonym_key, address)

    def identifier_hash(self, identifier: str) -> str:
        return identifier_hash(self.pseudonym_key, identifier)
