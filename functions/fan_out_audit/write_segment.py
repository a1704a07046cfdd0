"""Writes a segment as the one object that bears its name, once."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awswrangler as wr
import pandas as pd
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from events.segment import MalformedSegmentError, decode
from functions.fan_out_audit.columns import LAKE, REPETITIVE
from functions.fan_out_audit.segment_table import sealed_at, segment_table
from shared.lake import raw_key

if TYPE_CHECKING:
    import boto3

_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


class ConflictingObjectError(RuntimeError):
    """An object with this name holds something else: somebody wrote to the lake who must not. Never overwritten."""


@dataclass(frozen=True, slots=True)
class Written:
    """`was_there`: an earlier delivery of the same segment had written it."""

    key: str
    events: int
    was_there: bool


def write_segment(body: str, bucket: str, prefix: str, session: boto3.Session) -> Written:
    """From the SQS message's body to the Parquet object.

    Raises:
        MalformedSegmentError: the body is no segment; it belongs in the dead-letter queue.
        ConflictingObjectError: the name is taken by other content.
        botocore.exceptions.BotoCoreError, ClientError: S3 can't be reached or refuses.
    """
    segment = decode(body)
    table = segment_table(segment)
    try:
        key = raw_key(prefix, segment.segment_id, sealed_at(segment))
    except ValueError as error:
        raise MalformedSegmentError("segment_id is no UUID") from error
    was_there = not _create(table, bucket, key, session)
    if was_there and not _holds(table, bucket, key, session):
        raise ConflictingObjectError(key)
    return Written(key, table.num_rows, was_there)


def _create(table: Any, bucket: str, key: str, session: boto3.Session) -> bool:
    """True where this call created the object; False where there is one already.

    Where the condition refuses it, awswrangler's file object tries its PUT once more when it is collected: refused
    again, and Python's "Exception ignored in" on standard error is that, nothing else.
    """
    try:
        wr.s3.to_parquet(
            df=table.to_pandas(types_mapper=pd.ArrowDtype),  # Arrow-backed: nothing is copied or retyped
            path=f"s3://{bucket}/{key}",
            index=False,
            compression="zstd",
            use_threads=False,
            boto3_session=session,
            # create-only; one part, because the condition holds for a single PUT and a segment is far below 5 MiB
            s3_additional_kwargs={"IfNoneMatch": "*"},
            pyarrow_additional_kwargs={
                "coerce_timestamps": "us",
                "flavor": None,
                "version": "2.6",
                "use_dictionary": list(REPETITIVE),
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in _TAKEN:
            return False
        raise
    return True


def _holds(table: Any, bucket: str, key: str, session: boto3.Session) -> bool:
    """Whether the object there has the same events: compared as columns, because bytes change with the writer."""
    found = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        there = pq.read_table(io.BytesIO(found))
        return bool(there.select(LAKE.names).cast(LAKE).equals(table.cast(LAKE)))
    except (ValueError, KeyError, OSError):  # pyarrow's errors are among these
        return False
