"""S3's XML: read without namespaces, written from nested tuples."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from local.aws.s3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Iterable

Node = tuple[str, object]
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def parse(body: bytes) -> ET.Element:
    """The document's root, every tag without its namespace.

    Raises:
        S3Error: MalformedXML; a document type (entities) is refused as well.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise S3Error("MalformedXML")
    try:
        root = ET.fromstring(body)  # noqa: S314 - no document type, hence no entities
    except ET.ParseError:
        raise S3Error("MalformedXML") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def document(name: str, children: Iterable[Node]) -> bytes:
    """A response document. A child's value is text, a number, a truth value, None (left out), or its own children."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} {_NAMESPACE}>{_render(children)}</{name}>'.encode()


def _render(children: Iterable[Node]) -> str:
    parts = []
    for name, value in children:
        if value is None:
            continue
        if isinstance(value, list | tuple):
            inner = _render(value)
        elif isinstance(value, bool):
            inner = "true" if value else "false"
        else:
            # What XML 1.0 cannot carry is why clients ask for encoding-type=url.
            inner = _NOT_XML.sub("?", escape(str(value)).replace("\r", "&#13;"))
        parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)


def iso_time(milliseconds: int) -> str:
    """ISO 8601 with milliseconds, as listings carry it."""
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
