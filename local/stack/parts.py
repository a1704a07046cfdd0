"""The platform's parts as this machine runs them: environment and command of each. Terraform says the same for AWS."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.stack import resources as names

if TYPE_CHECKING:
    from pathlib import Path

    from local.stack.layout import Layout
    from local.stack.resources import Resources

REGION = "eu-central-1"
ACCOUNT_ID = "000000000000"
DEVELOPER_KEY, PLATFORM_KEY = "AKIALOCALDEVELOPER00", "AKIALOCALPLATFORM000"
# SQS names an IAM user by its unique id, and an assumed role as <unique id>:<session>.
DEVELOPER_SENDER_ID, PLATFORM_SENDER_ID = "AIDALOCALDEVELOPER00", "AROALOCALPLATFORM000:local"
DATABASE = "auth"
ADMIN_API_AUDIENCE = "urn:auth-platform:admin-api"
CLICKHOUSE_DATABASE = "auth_audit"
TOKEN_CORE_WORKERS = 2
AUDIT_STREAM_SHARDS = 1


@dataclass(frozen=True)
class Addresses:
    """Where this stack's parts listen."""

    ports: dict[str, int]
    ca_file: Path | None
    certificate: tuple[Path, Path] | None  # PEM chain, private key

    def url(self, part: str, host: str = "localhost") -> str:
        return f"{'https' if self.certificate else 'http'}://{host}:{self.ports[part]}"

    @property
    def issuer(self) -> str:
        return self.url("token_core")

    @property
    def aws_endpoint(self) -> str:
        return self.url("aws", "127.0.0.1")  # an address, so that S3 clients put the bucket into the path

    @property
    def uvicorn_tls(self) -> list[str]:
        if self.certificate is None:
            return []
        return ["--ssl-certfile", str(self.certificate[0]), "--ssl-keyfile", str(self.certificate[1])]


def platform_secrets(secrets: dict[str, str], database_url: str, redis_url: str) -> dict[str, dict[str, str]]:
    """What is in Secrets Manager: name -> JSON keys."""
    return {
        "auth/database": {"url": database_url},
        "auth/redis": {"url": redis_url},
        "auth/clickhouse": {"password": secrets["clickhouse_password"]},
        "auth/token-core": {
            "refresh_token_key": secrets["refresh_token_key"],
            "cookie_key": secrets["cookie_key"],
        },
        "auth/links": {"key": secrets["link_key"]},
        "auth/pseudonyms": {"key": secrets["pseudonym_key"]},
    }


def aws_environment(addresses: Addresses, secrets: dict[str, str]) -> dict[str, str]:
    """boto3's standard configuration: the only thing that makes the code talk to this machine instead of AWS."""
    found = {
        "AWS_ENDPOINT_URL": addresses.aws_endpoint,
        "AWS_ACCESS_KEY_ID": PLATFORM_KEY,
        "AWS_SECRET_ACCESS_KEY": secrets["platform_secret_access_key"],
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if addresses.ca_file:
        found["AWS_CA_BUNDLE"] = str(addresses.ca_file)
    return found


class Environments:
    """The environment of each part."""

    def __init__(self, addresses: Addresses, secrets: dict[str, str], made: Resources) -> None:
        self._aws = aws_environment(addresses, secrets)
        self._common = {
            **self._aws,
            "ENVIRONMENT": "local",
            "LOG_LEVEL": "INFO",
            "DATABASE_URL": "secretsmanager:auth/database#url",
        }
        self._issuer = {"ISSUER": addresses.issuer, "PLATFORM_NAME": "Demo Company"}
        self._redis = {"REDIS_URL": "secretsmanager:auth/redis#url"}
        self._keys = {"KMS_DATA_KEY_ID": made.kms_data_key_id}
        self._pseudonyms = {"PSEUDONYM_KEY": "secretsmanager:auth/pseudonyms#key"}
        self._links = {"LINK_KEY": "secretsmanager:auth/links#key"}
        self._clickhouse = {
            "CLICKHOUSE_URL": addresses.url("clickhouse", "127.0.0.1"),
            "CLICKHOUSE_DATABASE": CLICKHOUSE_DATABASE,
            "CLICKHOUSE_USER": "default",
            "CLICKHOUSE_PASSWORD": "secretsmanager:auth/clickhouse#password",
        }
        if addresses.ca_file:
            self._clickhouse["CLICKHOUSE_CA_FILE"] = str(addresses.ca_file)
        self._lake = {
            "LAKE_BUCKET": names.LAKE_BUCKET,
            "LAKE_PREFIX": names.LAKE_PREFIX,
            "GLUE_DATABASE": names.GLUE_DATABASE,
        }
        self._addresses = addresses
        self._made = made

    def token_core(self, metrics_folder: Path) -> dict[str, str]:
        return {
            **self._common,
            **self._issuer,
            **self._redis,
            **self._keys,
            **self._pseudonyms,
            **self._links,
            "REFRESH_TOKEN_KEY": "secretsmanager:auth/token-core#refresh_token_key",
            "COOKIE_KEY": "secretsmanager:auth/token-core#cookie_key",
            "PROMETHEUS_MULTIPROC_DIR": str(metrics_folder),
        }

    def audit_relay(self) -> dict[str, str]:
        return {
            **self._common,
            **self._redis,
            "AUDIT_QUEUE_URL": self._made.queue_urls["audit"],
            "EMAIL_QUEUE_URL": self._made.queue_urls["email"],
            "KMS_MANIFEST_KEY_ID": self._made.kms_manifest_key_id,
            "RELAY_HTTP_PORT": str(self._addresses.ports["audit_relay"]),
        }

    def admin_api(self) -> dict[str, str]:
        found = {
            **self._common,
            **self._redis,
            **self._keys,
            **self._pseudonyms,
            **self._clickhouse,
            "ISSUER": self._issuer["ISSUER"],
            "ADMIN_API_AUDIENCE": ADMIN_API_AUDIENCE,
            "PROVISIONING_QUEUE_URL": self._made.queue_urls["provisioning"],
        }
        if self._addresses.ca_file:
            found["SSL_CERT_FILE"] = str(self._addresses.ca_file)
        return found

    def migrations(self) -> dict[str, str]:
        return {**self._common, **self._clickhouse, **self._lake}

    def seed(self) -> dict[str, str]:
        return {**self._common, **self._keys, **self._pseudonyms}

    def functions(self) -> dict[str, dict[str, str]]:
        powertools = {"POWERTOOLS_TRACE_DISABLED": "true"}  # no X-Ray daemon here
        found = {
            "provision_user": {**self._common, **self._redis, **self._keys, **self._pseudonyms},
            "send_email": {
                **self._common,
                **self._issuer,
                **self._links,
                "EMAIL_FROM": names.EMAIL_FROM,
                "SES_CONFIGURATION_SET": names.SES_CONFIGURATION_SET,
                "SEND_LOOKUP_SECONDS": "30",  # the local mailbox tells of a send within milliseconds
            },
            "record_email_feedback": self._common,
            "fan_out_audit": {**self._aws, **self._lake, "ENVIRONMENT": "local", "LOG_LEVEL": "INFO"},
            "load_clickhouse": {
                **self._aws,
                **self._lake,
                **self._clickhouse,
                "ENVIRONMENT": "local",
                "LOG_LEVEL": "INFO",
            },
            "maintain_database": self._common,
        }
        return {
            name: {**powertools, "POWERTOOLS_SERVICE_NAME": name, "POWERTOOLS_METRICS_NAMESPACE": "auth", **environment}
            for name, environment in found.items()
        }


def token_core_argv(addresses: Addresses) -> list[str]:
    return [
        *[sys.executable, "-m", "uvicorn", "token_core.app:create_app", "--factory"],
        *["--host", "127.0.0.1", "--port", str(addresses.ports["token_core"])],
        *["--workers", str(TOKEN_CORE_WORKERS), "--no-access-log", "--timeout-graceful-shutdown", "10"],
        *["--no-proxy-headers", "--no-server-header"],  # it reads X-Forwarded-For itself, by TRUSTED_PROXY_HOPS
        *addresses.uvicorn_tls,
    ]


def admin_api_argv(addresses: Addresses) -> list[str]:
    return [
        *[sys.executable, "-m", "uvicorn", "functions.admin_api.app:create_admin_app", "--factory"],
        *["--host", "127.0.0.1", "--port", str(addresses.ports["admin_api"]), "--no-access-log"],
        *addresses.uvicorn_tls,
    ]


def start_folder(layout: Layout, name: str) -> Path:
    """A part's own data folder, made."""
    folder = layout.data / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
