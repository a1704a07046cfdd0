"""ClickHouse's errors as its HTTP interface renders them: text, code, status (exceptionCodeToHTTPStatus.cpp)."""

from __future__ import annotations

import re

_CODE = re.compile(r"Code: (\d+)\. ")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)(?= \(version|\s*$)")
_PREFIX = re.compile(r"^(?:Streaming (?:query|insert \w+) failed: )+")

_STATUS_BY_NAME = {
    401: "REQUIRED_PASSWORD",
    403: "UNKNOWN_USER WRONG_PASSWORD AUTHENTICATION_FAILED SET_NON_GRANTED_ROLE ACCESS_DENIED",
    400: """BAD_ARGUMENTS CANNOT_COMPILE_REGEXP CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE
        CANNOT_PARSE_QUOTED_STRING CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER
        CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_INPUT_ASSERTION_FAILED
        CANNOT_PARSE_UUID DUPLICATE_COLUMN ILLEGAL_COLUMN UNKNOWN_ELEMENT_IN_AST UNKNOWN_TYPE_OF_AST_NODE
        THERE_IS_NO_COLUMN TOO_DEEP_AST TOO_BIG_AST UNEXPECTED_AST_STRUCTURE SYNTAX_ERROR INCORRECT_DATA TYPE_MISMATCH
        VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE""",
    404: """UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE
        UNKNOWN_SETTING UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT UNKNOWN_DATABASE_ENGINE
        UNKNOWN_TYPE_OF_QUERY UNKNOWN_ROLE""",
    413: "QUERY_IS_TOO_LARGE",
    501: "NOT_IMPLEMENTED",
    503: "SOCKET_TIMEOUT CANNOT_OPEN_FILE CANNOT_SCHEDULE_TASK",
    411: "HTTP_LENGTH_REQUIRED",
    408: "TIMEOUT_EXCEEDED",
    415: "UNSUPPORTED_MEDIA_TYPE",
}
_STATUS = {name: status for status, names in _STATUS_BY_NAME.items() for name in names.split()}


class ClickHouseError(Exception):
    """An error in ClickHouse's own words.

    Attributes:
        code: the number in the X-ClickHouse-Exception-Code header.
        status: the HTTP status.
        text: the body, one line with code, message and name.
    """

    def __init__(self, code: int, message: str, name: str, version: str = "") -> None:
        self.code = code
        self.status = _STATUS.get(name, 500)
        self.text = f"Code: {code}. DB::Exception: {message} ({name})"
        if version:
            self.text += f" (version {version} (official build))"
        super().__init__(self.text)

    @classmethod
    def from_engine(cls, error: BaseException, version: str) -> ClickHouseError:
        """What chdb raised, cut into its parts; anything else is a LOGICAL_ERROR without its text."""
        text = _PREFIX.sub("", str(error))
        code, name = _CODE.search(text), _NAME.findall(text)
        if code is None or not name:
            return cls(49, "The engine failed without a ClickHouse error.", "LOGICAL_ERROR", version)
        message = text[code.end() :].removeprefix("DB::Exception: ")
        return cls(int(code.group(1)), message[: message.rindex(f"({name[-1]})")].rstrip(), name[-1], version)
