"""`python -m functions.fan_out_audit.register`: makes the Glue table `raw_events` over the raw lake, or renews it.

Partitions are projected from their names, so that no new hour ever has to be registered
(https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html).
"""

from __future__ import annotations

import awswrangler as wr
import boto3

from functions.fan_out_audit.columns import COMMENTS, LAKE
from functions.fan_out_audit.config import Settings
from shared.config import load_settings
from shared.lake import RAW

TABLE = "raw_events"
HOUR = "sealed_date=${sealed_date}/sealed_hour=${sealed_hour}/"
_GLUE_TYPES = {"int16": "smallint", "int64": "bigint", "timestamp[us, tz=UTC]": "timestamp", "string": "string"}


def register(bucket: str, prefix: str, database: str, session: boto3.Session) -> None:
    """Safe to run again: the newest definition wins.

    Raises:
        botocore.exceptions.ClientError: Glue refuses.
    """
    location = f"s3://{bucket}/{prefix}{RAW}"
    wr.catalog.create_database(database, exist_ok=True, boto3_session=session)
    wr.catalog.create_parquet_table(
        database=database,
        table=TABLE,
        path=location,
        columns_types={field.name: _GLUE_TYPES[str(field.type)] for field in LAKE},
        columns_comments=COMMENTS,
        partitions_types={"sealed_date": "string", "sealed_hour": "string"},
        description="Every audit event as it was sealed. Immutable; one object is one segment.",
        mode="overwrite",
        athena_partition_projection_settings={
            "projection_types": {"sealed_date": "date", "sealed_hour": "integer"},
            "projection_ranges": {"sealed_date": "2026-01-01,NOW+1DAYS", "sealed_hour": "0,23"},
            "projection_digits": {"sealed_hour": "2"},
            "projection_formats": {"sealed_date": "yyyy-MM-dd"},
            "projection_storage_location_template": f"{location}{HOUR}",
        },
        boto3_session=session,
    )


def main() -> None:
    settings = load_settings(Settings)
    register(settings.lake_bucket, settings.lake_prefix, settings.glue_database, boto3.Session())


if __name__ == "__main__":
    main()
