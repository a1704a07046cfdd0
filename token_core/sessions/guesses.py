"""P8: how many password guesses anybody gets; counted before they are hashed, and never so that owners are locked out.

Three budgets, each in windows of one hour on the clock. Any sixty minutes touch two windows at most, so a window holds
half of what is promised for an hour:
- an account, from browsers it doesn't know: shared by all who guess, from wherever;
- an account, from one browser that it knows: that browser's own, so that strangers can't use it up;
- an address, over all accounts, from browsers that the account doesn't know.
An account that doesn't exist has the same budget, under the same keyed hash.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid

WINDOW = timedelta(hours=1)


class Budget(StrEnum):
    ACCOUNT = "account"
    DEVICE = "device"
    ADDRESS = "address"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """What is promised for any sixty minutes."""

    account_per_hour: int = 20
    device_per_hour: int = 20
    address_per_hour: int = 600
    mails_per_hour: int = 6

    def per_window(self, budget: Budget) -> int:
        promised = {
            Budget.ACCOUNT: self.account_per_hour,
            Budget.DEVICE: self.device_per_hour,
            Budget.ADDRESS: self.address_per_hour,
            Budget.MAIL: self.mails_per_hour,
        }
        return max(1, promised[budget] // 2)


@dataclass(frozen=True, slots=True)
class BudgetKey:
    budget: Budget
    key: bytes


def window_start(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def seconds_to_next_window(now: datetime) -> int:
    return int((window_start(now) + WINDOW - now).total_seconds()) + 1


def account_key(secret: bytes, identifier: str) -> BudgetKey:
    return BudgetKey(Budget.ACCOUNT, _keyed(secret, Budget.ACCOUNT, identifier))


def device_key(secret: bytes, device_id: uuid.UUID) -> BudgetKey:
    return BudgetKey(Budget.DEVICE, _keyed(secret, Budget.DEVICE, str(device_id)))


def mail_key(secret: bytes, purpose: str, identifier: str) -> BudgetKey:
    """Of one kind of link: else whoever asks for one kind would keep the owner from the other."""
    return BudgetKey(Budget.MAIL, _keyed(secret, Budget.MAIL, f"{purpose}\0{identifier}"))


def address_key(secret: bytes, address: str) -> BudgetKey:
    """Of an IPv6 address its /64, which is what one household or server has."""
    return BudgetKey(Budget.ADDRESS, _keyed(secret, Budget.ADDRESS, _network(address)))


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _keyed(secret: bytes, budget: Budget, text: str) -> bytes:
    return hmac.digest(secret, f"guess budget\0{budget}\0{text}".encode(errors="surrogatepass"), "sha256")
