"""Who stands before a hosted page, as far as the request says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.payloads.fields import Origin

if TYPE_CHECKING:
    from token_core.sessions.cookies import Credential


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser. `address` is as far as configured proxies can be believed."""

    address: str
    user_agent: str | None
    session: Credential | None
    devices: tuple[Credential, ...]

    @property
    def origin(self) -> Origin:
        """For events, where it is encrypted."""
        agent = None if self.user_agent is None else self.user_agent[:512]
        return Origin(address=self.address[:64], user_agent=agent)
