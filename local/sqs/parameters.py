"""Typed reading of a request's JSON members; a member of the wrong type is a SerializationException, as in AWS."""

from __future__ import annotations

from typing import Any

from local.sqs.errors import SERIALIZATION, SqsError, invalid_value, missing_parameter

JsonObject = dict[str, Any]


class Parameters:
    """The members of one request or of one batch entry."""

    def __init__(self, members: JsonObject) -> None:
        self._members = members

    def has(self, name: str) -> bool:
        return self._members.get(name) is not None

    def text(self, name: str) -> str | None:
        value = self._members.get(name)
        if value is not None and not isinstance(value, str):
            raise _wrong_type(name, "a string")
        return value

    def required_text(self, name: str) -> str:
        """Raises: SqsError MissingParameter when absent or empty."""
        value = self.text(name)
        if not value:
            raise missing_parameter(name)
        return value

    def integer(self, name: str, low: int, high: int) -> int | None:
        """Raises: SqsError InvalidParameterValue outside low..high."""
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong_type(name, "an integer")
        if not low <= value <= high:
            raise invalid_value(name, value, f"Must be >= {low} and <= {high}, if provided.")
        return value

    def texts(self, name: str) -> list[str]:
        value = self._members.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _wrong_type(name, "a list of strings")
        return value

    def text_map(self, name: str) -> dict[str, str]:
        value = self.mapping(name)
        if not all(isinstance(item, str) for item in value.values()):
            raise _wrong_type(name, "a map of strings")
        return value

    def mapping(self, name: str) -> JsonObject:
        value = self._members.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise _wrong_type(name, "a map")
        return value

    def objects(self, name: str) -> list[JsonObject]:
        value = self._members.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise _wrong_type(name, "a list of structures")
        return value


def _wrong_type(name: str, expected: str) -> SqsError:
    return SqsError(SERIALIZATION, f"{name} must be {expected}.")
