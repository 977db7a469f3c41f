"""W3C trace context: reading `traceparent` from callers."""

import re

_LENGTH, _DASH = 55, ord("-")
_NO_TRACE, _NO_SPAN = b"0" * 32, b"0" * 16
_ANY = re.compile(
    rb"[ \t]*(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:(?<!00.{53})-.*)?[ \t]*",
    re.DOTALL,
).fullmatch


def parse_traceparent(value: bytes) -> tuple[bytes, bytes] | None:
    """The digits of the trace id, which is the correlation id, and of the caller's span; None where the header is not valid."""
    if len(value) == _LENGTH and value[:3] == b"00-" and value[35] == value[52] == _DASH:
        trace, span = value[3:35], value[36:52]
        # No regular expression for what nearly everybody sends: what is left without the hex digits are the dashes.
        if value.translate(None, b"0123456789abcdef") == b"---" and trace != _NO_TRACE and span != _NO_SPAN:
            return trace, span
    match = _ANY(value)
    return None if match is None else (match[1], match[2])
