"""Settings that several parts share, and how a part reads its own: from the environment, refused when wrong."""

from __future__ import annotations

import binascii
import sys
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    Secret,
    SecretBytes,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.secrets import SCHEME, SecretReader, UnreadableSecretError

INVALID_SETTINGS_EXIT_CODE = 2


def _decode_key(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None


def _at_least_32_bytes(value: SecretBytes) -> SecretBytes:
    if len(value.get_secret_value()) < 32:
        raise ValueError("under 32 bytes")
    return value


def _with_scheme(*schemes: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
        except ValueError:
            raise ValueError("not a URL") from None
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError("another scheme, or no host")
        return value

    return AfterValidator(check)


def _web_origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("not an http or https URL without query")
    if value.endswith("/"):
        raise ValueError("ends with a slash")
    return value


SecretKey = Annotated[SecretBytes, BeforeValidator(_decode_key), AfterValidator(_at_least_32_bytes)]
"""A key in base64url; `.get_secret_value()` gives its bytes."""
WebUrl = Annotated[str, AfterValidator(_web_origin)]
Prefix = Annotated[str, Field(pattern=r"^([A-Za-z0-9!_.*'()=/-]+/)?$")]


class PlatformSettings(BaseSettings):
    """Base of every part's Settings. Environment names are the field names in upper case.

    A field's description is what a wrong value is told to be: it completes "expected ...".
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    environment: Literal["local", "test", "dev", "staging", "prod"] = Field(
        "local", description="one of local, test, dev, staging, prod"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="one of DEBUG, INFO, WARNING, ERROR"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_unreadable(cls, value: Any) -> Any:
        if isinstance(value, _Unreadable):
            raise ValueError("a reference that can't be followed")  # noqa: TRY004 - pydantic collects ValueErrors
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, _ResolvedSource(settings_cls, env_settings))


class DatabaseSettings(PlatformSettings):
    database_url: Annotated[SecretStr, _with_scheme("postgresql")] = Field(
        description="postgresql://user:password@host:port/database"
    )


class RedisSettings(PlatformSettings):
    redis_url: Annotated[SecretStr, _with_scheme("redis", "rediss")] = Field(
        description="redis:// or rediss:// and :password@host:port of a cluster"
    )


class IssuerSettings(PlatformSettings):
    issuer: WebUrl = Field(description="the platform's own http or https URL, without a slash at the end")


class DataKeySettings(PlatformSettings):
    kms_data_key_id: str = Field(
        min_length=1, description="id, ARN or alias of the symmetric KMS key that wraps data keys"
    )


class PseudonymSettings(PlatformSettings):
    pseudonym_key: SecretKey = Field(description="at least 32 bytes in base64url")


class LinkSettings(PlatformSettings):
    link_key: SecretKey = Field(description="at least 32 bytes in base64url")


class LakeSettings(PlatformSettings):
    lake_bucket: str = Field(min_length=3, max_length=63, description="an S3 bucket's name")
    lake_prefix: Prefix = Field("", description="empty, or a key prefix that ends with a slash")
    glue_database: str = Field(min_length=1, description="a Glue database's name")


class ClickHouseSettings(PlatformSettings):
    clickhouse_url: WebUrl = Field(description="http or https URL of ClickHouse's HTTP interface")
    clickhouse_database: str = Field(min_length=1, description="a ClickHouse database's name")
    clickhouse_user: str = Field("default", min_length=1, description="a ClickHouse user's name")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="that user's password")
    clickhouse_ca_file: str | None = Field(None, description="a file of PEM certificates, where the system's don't do")


class OutboxSettings(PlatformSettings):
    outbox_shards: int = Field(1, ge=1, le=64, description="a number of shards, 1 to 64")


SettingsT = TypeVar("SettingsT", bound=PlatformSettings)


class InvalidSettingsError(Exception):
    """`lines` names each wrong setting, what it got and what it expects; a secret's value is in none of them."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def read_settings(settings_class: type[SettingsT]) -> SettingsT:
    """The part's settings from the environment.

    Raises:
        InvalidSettingsError: one is missing or wrong.
    """
    try:
        return settings_class()
    except ValidationError as error:
        lines = [
            _explain(settings_class, problem) for problem in error.errors(include_url=False, include_context=False)
        ]
    raise InvalidSettingsError(lines)


def load_settings(settings_class: type[SettingsT]) -> SettingsT:
    """`read_settings`, or an explanation on standard error and exit code 2."""
    try:
        return read_settings(settings_class)
    except InvalidSettingsError as error:
        sys.stderr.write("".join(f"{line}\n" for line in error.lines))
        sys.exit(INVALID_SETTINGS_EXIT_CODE)


class _ResolvedSource(PydanticBaseSettingsSource):
    """The environment, with references to Secrets Manager followed."""

    def __init__(self, settings_cls: type[BaseSettings], environment: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._environment = environment

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self._environment.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        reader = SecretReader()
        return {name: _resolved(reader, value) for name, value in self._environment().items()}


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands in a field whose reference couldn't be followed; validation refuses it."""

    why: str


def _resolved(reader: SecretReader, value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(SCHEME):
        return value
    try:
        return reader.resolve(value)
    except UnreadableSecretError as error:
        return _Unreadable(str(error))


def _explain(settings_class: type[PlatformSettings], problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else ""
    field = settings_class.model_fields.get(name)
    expected = (field.description if field else None) or problem["msg"]
    if problem["type"] == "missing":
        got = "nothing"
    elif isinstance(problem["input"], _Unreadable):
        got = f"a reference that can't be followed ({problem['input'].why})"
    elif field is None or _is_secret(field.annotation):
        got = f"a value that is {problem['msg'].removeprefix('Value error, ')} (not shown: it is a secret)"
    else:
        got = repr(problem["input"])
    return f"setting {name.upper() or 'combination'}: got {got}, expected {expected}"


def _is_secret(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Secret | SecretStr | SecretBytes):
        return True
    return any(_is_secret(argument) for argument in get_args(annotation))
