"""Headers and bodies of HTTP exchanges, masked and bounded, for the attributes of a run. Off unless `capture_http` says so."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from devtools.settings import CaptureHttp
from devtools.telemetry.masking import mask_header, mask_query
from devtools.telemetry.payload import PayloadGuard

Headers = Iterable[tuple[bytes, bytes]]


class Capture:
    """What is captured of every exchange."""

    def __init__(self, guard: PayloadGuard, what: CaptureHttp) -> None:
        self.guard = guard
        self.with_bodies = what == "bodies"

    def begin(self, scope: Mapping[str, Any]) -> "Captured":  # Any: ASGI scopes are open dictionaries
        """The capture of one exchange, which begins with its request headers."""
        return Captured(self, scope["headers"])


class Captured:
    """Headers, and as much of the bodies as a text may be long."""

    def __init__(self, capture: Capture, headers: Headers) -> None:
        self._capture = capture
        self._headers: dict[str, dict[str, str]] = {"request": self._masked(headers)}
        self._bodies: dict[str, bytearray] = {"request": bytearray(), "response": bytearray()}
        self._sizes = {"request": 0, "response": 0}

    def response_headers(self, headers: Headers) -> None:
        """Keep the headers of the answer."""
        self._headers["response"] = self._masked(headers)

    def request_body(self, part: bytes) -> None:
        """Keep a part of the request's body."""
        self._keep("request", part)

    def response_body(self, part: bytes) -> None:
        """Keep a part of the answer's body."""
        self._keep("response", part)

    def attributes(self) -> dict[str, object]:
        """What was captured, for `Run.attributes`."""
        found: dict[str, object] = {}
        for side, headers in self._headers.items():
            found[side] = {"headers": headers}
            if self._capture.with_bodies and self._sizes[side]:
                found[side] = {"headers": headers, "body": self._body(side, headers.get("content-type", ""))}
        return found

    def _masked(self, headers: Headers) -> dict[str, str]:
        found: dict[str, str] = {}
        for raw_name, raw_value in headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            value = mask_header(name, value, self._capture.guard.rules)
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found

    def _keep(self, side: str, part: bytes) -> None:
        if not self._capture.with_bodies:
            return
        self._sizes[side] += len(part)
        body = self._bodies[side]
        room = self._capture.guard.max_text_bytes - len(body)
        if room > 0:
            body += part[:room]

    def _body(self, side: str, content_type: str) -> object:
        """JSON as its values, so that secrets are found by name; forms and text as text; the rest as its size."""
        body, size = bytes(self._bodies[side]), self._sizes[side]
        kind = content_type.partition(";")[0].strip().lower()
        is_whole = size == len(body)
        if is_whole and (kind == "application/json" or kind.endswith("+json")):
            try:
                return msgspec.json.decode(body)
            except (ValueError, RecursionError):
                pass
        if kind == "application/x-www-form-urlencoded":
            text = mask_query(body.decode("latin-1"), self._capture.guard.rules)
        elif kind.startswith("text/") or "json" in kind or "xml" in kind or "javascript" in kind:
            text = body.decode(errors="replace")
        else:
            return f"[{size:,} bytes of {kind or 'unknown type'}]"
        return text if is_whole else f"{text}… [{size:,} bytes]"
