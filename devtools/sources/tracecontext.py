"""W3C trace context: reading `traceparent` from callers."""

import re

from devtools.telemetry.identifiers import SPAN_ID

_NO_SPAN = b"0" * 16
_ANY = re.compile(
    rb"[ \t]*(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:(?<!00.{53})-.*)?[ \t]*",
    re.DOTALL,
).fullmatch
_DIGITS = bytes(ord("0") if byte in b"0123456789abcdef" else byte for byte in range(256))
_USUAL = b"00-" + b"0" * 32 + b"-" + _NO_SPAN + b"-00"
_LEAST, _NEXT_VERSION = b"00-" + b"0" * 31 + b"1", b"01"


def parse_traceparent(value: bytes) -> bytes | None:
    """The header as version 00 writes it, with both ids at their places (`TRACE_ID`, `SPAN_ID`); None where it is not valid."""
    # No regular expression for what nearly everybody sends: with every digit made a zero it is always the same.
    if value.translate(_DIGITS) == _USUAL and _LEAST <= value < _NEXT_VERSION and value[SPAN_ID] != _NO_SPAN:
        return value
    match = _ANY(value)
    return None if match is None else b"00-%b-%b-00" % match.groups()
