"""One administrator's change: a transaction, its events, what of it may be refused, and the hint after its commit."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from functions.admin_api.problems import ProblemError, invalid_field, unavailable
from functions.admin_api.services import services
from shared.database.authority import Change as AuthorityChange
from shared.database.steps import run
from shared.identity.email import InvalidEmail
from shared.identity.recording import Recording
from shared.identity.registration import AlreadyExistsError, RegistrationError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from functions.admin_api.caller import Caller
    from functions.admin_api.services import Services
    from shared.database.steps import Steps
    from shared.identity.held import HeldPermission

ResultT = TypeVar("ResultT")
_NAMED_AT_ONCE = 5
_CHANGED = text("SELECT DISTINCT kind, entity_id FROM authority_changes WHERE xid = pg_current_xact_id()")


@dataclass(frozen=True)
class Change:
    session: Session
    caller: Caller
    services: Services
    recording: Recording

    def run(self, steps: Steps[ResultT]) -> ResultT:
        """Do a domain step.

        Raises:
            ProblemError: 409 where it contradicts what there is, 400 where it names what there isn't.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - with boto3, when it is needed

        try:
            return run(self.session, steps)
        except AlreadyExistsError as error:
            raise _refusal(409, "already_exists", error) from error
        except UnknownNameError as error:
            raise _refusal(400, "invalid_request", error) from error
        except RegistrationError as error:
            raise _refusal(409, "conflict", error) from error
        except InvalidEmail as error:
            raise invalid_field("email", "not an address") from error
        except (BotoCoreError, ClientError) as error:  # KMS
            raise unavailable() from error

    def require_held(self, needed: frozenset[HeldPermission], field: str) -> None:
        """Nobody grants, takes away or controls what they don't hold.

        Raises:
            ProblemError: 403, naming what is missing.
        """
        missing = sorted(needed - self.caller.held)
        if missing:
            named = ", ".join(f"{name} at {audience}" for audience, name in missing[:_NAMED_AT_ONCE])
            raise ProblemError(
                403,
                "not_held",
                f"it takes permissions that you don't hold yourself: {named}",
                [{"field": field, "problem": f"needs {name} at {audience}"} for audience, name in missing],
            )


@contextmanager
def changing(request: Request, caller: Caller) -> Iterator[Change]:
    """A transaction that commits when the block ends well, before anything is answered."""
    ours = services(request)
    recording = Recording(caller.subject, ours.now(), request.state.request_id, ours.outbox_shards)
    with Session(ours.engine) as session, session.begin():
        yield Change(session, caller, ours, recording)
        session.flush()
        changed = [AuthorityChange(kind, entity_id) for kind, entity_id in session.execute(_CHANGED)]
    ours.hint(changed)


def _refusal(status: int, code: str, error: RegistrationError) -> ProblemError:
    return ProblemError(status, code, f"{error.field}: {error}", [{"field": error.field, "problem": str(error)}])
