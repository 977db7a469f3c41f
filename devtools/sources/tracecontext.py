"""W3C trace context: reading `traceparent` from callers."""

import re

_NO_TRACE, _NO_SPAN = b"0" * 32, b"0" * 16
_ANY = re.compile(
    rb"[ \t]*(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:(?<!00.{53})-.*)?[ \t]*",
    re.DOTALL,
).fullmatch
_DIGITS = bytes(ord("0") if byte in b"0123456789abcdef" else byte for byte in range(256))
_USUAL = b"00-" + _NO_TRACE + b"-" + _NO_SPAN + b"-00"


def parse_traceparent(value: bytes) -> tuple[bytes, bytes] | None:
    """The digits of the trace id, which is the correlation id, and of the caller's span; None where the header is not valid."""
    # No regular expression for what nearly everybody sends: with every digit made a zero it is always the same.
    if value.translate(_DIGITS) == _USUAL and not value.startswith(b"ff"):
        _, trace, span, _ = value.split(b"-")
        return (trace, span) if trace != _NO_TRACE and span != _NO_SPAN else None
    match = _ANY(value)
    return None if match is None else (match[1], match[2])
