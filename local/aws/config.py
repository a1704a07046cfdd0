"""The endpoint's configuration file (JSON)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from pathlib import Path


class AccessKey(BaseModel):
    """Who a key belongs to: what SQS reports as SenderId and what GetCallerIdentity answers.

    The secret is given to clients; signatures are not checked, because the endpoint listens to this machine only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    secret: str
    sender_id: str
    arn: str


class AwsConfig(BaseModel):
    """One account in one region.

    Attributes:
        base_url: begins the queue URLs that SQS gives out.
        access_keys: access key id -> its owner; any other key is refused.
        ses_events_queue: the queue that SES's events reach by way of EventBridge; without it they go nowhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: str = "us-east-1"
    account_id: str = Field("000000000000", pattern=r"^\d{12}$")
    base_url: str
    access_keys: dict[str, AccessKey]
    ses_events_queue: str | None = None

    @classmethod
    def read(cls, path: Path) -> AwsConfig:
        """Raises: pydantic.ValidationError naming the field, OSError when there is no such file."""
        return cls.model_validate_json(path.read_bytes())
