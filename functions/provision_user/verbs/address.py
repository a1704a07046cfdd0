"""The e-mail address of a command."""

from __future__ import annotations

from events.commands import RejectionReason
from functions.provision_user.contradictions import ContradictionError
from shared.identity.email import InvalidEmail, canonical_email


def canonical_address(email: str) -> tuple[str, str]:
    """The address as given, without surrounding space, and the form that is compared.

    Raises:
        ContradictionError: invalid_field.
    """
    try:
        return email.strip(), canonical_email(email.strip())
    except InvalidEmail as error:
        raise ContradictionError(RejectionReason.INVALID_FIELD, "payload.email: not an address") from error
