"""Message attributes: their rules, their size, and the MD5 that SDKs check (developer guide, "Message metadata")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from typing import TYPE_CHECKING

from local.sqs.errors import INVALID_MESSAGE_CONTENTS, SqsError, invalid_value
from local.sqs.limits import ATTRIBUTES_PER_MESSAGE

if TYPE_CHECKING:
    from local.sqs.parameters import JsonObject

FORBIDDEN_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ATTRIBUTE_NAME = re.compile(r"(?!\.)(?!.*\.\.)(?i:(?!aws\.|amazon\.))[A-Za-z0-9_.-]{1,256}(?<!\.)")
DATA_TYPE = re.compile(r"(String|Number|Binary)(\..{1,249})?", re.DOTALL)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def check_characters(text: str) -> None:
    """Raises: SqsError InvalidMessageContents for a character that XML 1.0 does not have."""
    if FORBIDDEN_CHARACTER.search(text):
        message = (
            "Invalid characters found. Valid unicode characters are"
            " #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        )
        raise SqsError(INVALID_MESSAGE_CONTENTS, message)


def check_attributes(attributes: JsonObject) -> int:
    """Checks MessageAttributes and returns how many bytes they add to the message.

    Raises: SqsError InvalidParameterValue or InvalidMessageContents.
    """
    if len(attributes) > ATTRIBUTES_PER_MESSAGE:
        reason = f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10]."
        raise invalid_value("MessageAttributes", len(attributes), reason)
    size = 0
    for name, attribute in attributes.items():
        if not ATTRIBUTE_NAME.fullmatch(name):
            raise invalid_value("MessageAttributeName", name, "The message attribute name is not allowed.")
        if not isinstance(attribute, dict):
            raise invalid_value("MessageAttributeValue", name, "A message attribute is a structure.")
        data_type = attribute.get("DataType")
        if not isinstance(data_type, str) or not DATA_TYPE.fullmatch(data_type):
            reason = (
                f"The type of message (user) attribute '{name}' is invalid."
                " You must use only the following supported type prefixes: Binary, Number, String."
            )
            raise invalid_value("DataType", data_type, reason)
        size += len(name.encode()) + len(data_type.encode()) + len(_value_bytes(name, attribute))
    return size


def attributes_md5(attributes: JsonObject) -> str:
    """MD5 over the attributes sorted by name, each part behind its length in four bytes."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        value = _value_bytes(name, attribute)
        for part in (name.encode(), attribute["DataType"].encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        transport = b"\x02" if attribute["DataType"].startswith("Binary") else b"\x01"
        digest.update(transport + struct.pack(">I", len(value)) + value)
    return digest.hexdigest()


def select_attributes(attributes: JsonObject, wanted: list[str]) -> JsonObject:
    """Those that ReceiveMessage's MessageAttributeNames asks for: names, `All`, `.*` or `prefix.*`."""
    if "All" in wanted or ".*" in wanted:
        return attributes
    prefixes = tuple(name[:-2] for name in wanted if name.endswith(".*"))
    return {
        name: value for name, value in attributes.items() if name in wanted or (prefixes and name.startswith(prefixes))
    }


def _value_bytes(name: str, attribute: JsonObject) -> bytes:
    data_type: str = attribute["DataType"]
    member = "BinaryValue" if data_type.startswith("Binary") else "StringValue"
    value = attribute.get(member)
    if not isinstance(value, str) or not value:
        reason = f"The message attribute '{name}' must contain a non-empty {member}, as its type '{data_type}' says."
        raise invalid_value(member, value, reason)
    if member == "BinaryValue":
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error:
            raise invalid_value(member, name, "Not base64.") from None
    check_characters(value)
    if data_type.startswith("Number") and not NUMBER.fullmatch(value):
        raise invalid_value(
            "StringValue", value, f"Can't cast the value of message (user) attribute '{name}' to a number."
        )
    return value.encode()
