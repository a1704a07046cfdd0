"""SQS's errors: the name in the JSON body, and the code that the older query protocol had for it."""

from __future__ import annotations

from typing import NamedTuple

MODELLED = "com.amazonaws.sqs#"
GENERIC = "com.amazon.coral.service#"
LEGACY = "AWS.SimpleQueueService."


class ErrorKind(NamedTuple):
    """`type_name` goes into `__type`, `query_code` into the header x-amzn-query-error (botocore's `Error.Code`)."""

    type_name: str
    query_code: str
    status: int = 400


QUEUE_DOES_NOT_EXIST = ErrorKind(MODELLED + "QueueDoesNotExist", LEGACY + "NonExistentQueue")
QUEUE_NAME_EXISTS = ErrorKind(MODELLED + "QueueNameExists", "QueueAlreadyExists")
QUEUE_DELETED_RECENTLY = ErrorKind(MODELLED + "QueueDeletedRecently", LEGACY + "QueueDeletedRecently")
PURGE_QUEUE_IN_PROGRESS = ErrorKind(MODELLED + "PurgeQueueInProgress", LEGACY + "PurgeQueueInProgress", 403)
INVALID_ATTRIBUTE_NAME = ErrorKind(MODELLED + "InvalidAttributeName", "InvalidAttributeName")
INVALID_ATTRIBUTE_VALUE = ErrorKind(MODELLED + "InvalidAttributeValue", "InvalidAttributeValue")
INVALID_MESSAGE_CONTENTS = ErrorKind(MODELLED + "InvalidMessageContents", "InvalidMessageContents")
RECEIPT_HANDLE_IS_INVALID = ErrorKind(MODELLED + "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404)
MESSAGE_NOT_INFLIGHT = ErrorKind(MODELLED + "MessageNotInflight", LEGACY + "MessageNotInflight")
OVER_LIMIT = ErrorKind(MODELLED + "OverLimit", "OverLimit", 403)
EMPTY_BATCH_REQUEST = ErrorKind(MODELLED + "EmptyBatchRequest", LEGACY + "EmptyBatchRequest")
TOO_MANY_ENTRIES = ErrorKind(MODELLED + "TooManyEntriesInBatchRequest", LEGACY + "TooManyEntriesInBatchRequest")
BATCH_IDS_NOT_DISTINCT = ErrorKind(MODELLED + "BatchEntryIdsNotDistinct", LEGACY + "BatchEntryIdsNotDistinct")
BATCH_REQUEST_TOO_LONG = ErrorKind(MODELLED + "BatchRequestTooLong", LEGACY + "BatchRequestTooLong")
INVALID_BATCH_ENTRY_ID = ErrorKind(MODELLED + "InvalidBatchEntryId", LEGACY + "InvalidBatchEntryId")
UNSUPPORTED_OPERATION = ErrorKind(MODELLED + "UnsupportedOperation", LEGACY + "UnsupportedOperation")
RESOURCE_NOT_FOUND = ErrorKind(MODELLED + "ResourceNotFoundException", "ResourceNotFoundException", 404)
INVALID_ADDRESS = ErrorKind(MODELLED + "InvalidAddress", "InvalidAddress", 404)
INVALID_PARAMETER_VALUE = ErrorKind(GENERIC + "InvalidParameterValueException", "InvalidParameterValue")
MISSING_PARAMETER = ErrorKind(GENERIC + "MissingRequiredParameterException", "MissingParameter")
SERIALIZATION = ErrorKind(GENERIC + "SerializationException", "MalformedInput")
UNKNOWN_OPERATION = ErrorKind(GENERIC + "UnknownOperationException", "InvalidAction")
INVALID_CLIENT_TOKEN = ErrorKind(GENERIC + "UnrecognizedClientException", "InvalidClientTokenId", 403)
MISSING_AUTHENTICATION = ErrorKind(GENERIC + "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403)
REQUEST_TOO_LARGE = ErrorKind(GENERIC + "RequestEntityTooLargeException", "RequestEntityTooLarge", 413)
INTERNAL_FAILURE = ErrorKind(GENERIC + "InternalFailure", "InternalFailure", 500)


class SqsError(Exception):
    """An answer in SQS's own error form; `message` is shown to the client."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def invalid_value(parameter: str, value: object, reason: str) -> SqsError:
    """SQS's usual complaint about one parameter."""
    return SqsError(INVALID_PARAMETER_VALUE, f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing_parameter(parameter: str) -> SqsError:
    return SqsError(MISSING_PARAMETER, f"The request must contain the parameter {parameter}.")


def queue_does_not_exist() -> SqsError:
    return SqsError(QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.")
