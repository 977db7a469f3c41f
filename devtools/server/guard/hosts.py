"""Host and Origin, parsed strictly: a value that is not exactly a name we know is somebody else's."""

import re
from dataclasses import dataclass
from functools import lru_cache

from devtools.errors import ValidationError
from devtools.settings import Settings

MAX_NAME = 253
MAX_PORT = 65_535
MAX_AUTHORITY = MAX_NAME + len(":65535")
MAX_SHOWN = 100
REMEMBERED = 64
"""Hosts whose parts are kept: clients send the same one every time."""

OWN_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
OWN_SUFFIX = ".localhost"
DEFAULT_PORTS = {"http": 80, "https": 443}
_WEB_SCHEMES = {"ws": "http", "wss": "https"}

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_AUTHORITY = rf"(?P<name>{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?"
_HOST = re.compile(_AUTHORITY)
_ORIGIN = re.compile(rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://{_AUTHORITY}")


@dataclass(frozen=True)
class Authority:
    """A Host header: the name in lower case, and the port when one was given."""

    name: str
    port: int | None


@dataclass(frozen=True)
class Origin:
    """Scheme, name and port; the port is the scheme's own when none was given."""

    scheme: str
    name: str
    port: int | None


@lru_cache(maxsize=REMEMBERED)
def parse_host(value: str) -> Authority | None:
    """The parts of a Host header; None for anything that is not exactly `name`, `name:port`, `[address]` or `[address]:port`.

    A trailing dot, user information, an empty port and a list are refused (RFC 9110, 7.2 asks for one uri-host).
    """
    found = _HOST.fullmatch(value) if len(value) <= MAX_AUTHORITY else None
    return None if found is None else _authority(found)


def parse_origin(value: str) -> Origin | None:
    """The parts of an Origin header; None for `null`, a list, or anything with a path."""
    found = _ORIGIN.fullmatch(value) if len(value) <= MAX_AUTHORITY + 20 else None
    authority = None if found is None else _authority(found)
    if found is None or authority is None:
        return None
    scheme = found["scheme"].lower()
    return Origin(scheme, authority.name, authority.port or DEFAULT_PORTS.get(scheme))


def own_origin(scheme: str, host: Authority) -> Origin:
    """The origin of a page that was served at this scheme (also `ws`, `wss`) and host."""
    web = _WEB_SCHEMES.get(scheme, scheme)
    return Origin(web, host.name, host.port or DEFAULT_PORTS.get(web))


def shown(value: str) -> str:
    """Foreign text for a message: quoted, escaped, short."""
    return ascii(value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "...")


class Names:
    """The names this server answers to: the loopback ones and those of `allowed_hosts` and `allowed_origins`."""

    def __init__(self, settings: Settings) -> None:
        self._hosts = OWN_NAMES | {_configured_host(text) for text in settings.allowed_hosts}
        self._origins = {_configured_origin(text): text for text in settings.allowed_origins}

    def knows(self, host: Authority) -> bool:
        """Whether a Host header with this name is meant for us. The port is not compared."""
        return host.name in self._hosts or host.name.endswith(OWN_SUFFIX)

    def configured_origin(self, value: str | None) -> str | None:
        """The entry of `allowed_origins` that equals this Origin header."""
        origin = None if value is None else parse_origin(value)
        return None if origin is None else self._origins.get(origin)


def _authority(found: re.Match[str]) -> Authority | None:
    name, port = found["name"].lower(), found["port"]
    if len(name) > MAX_NAME or (port is not None and not 0 < int(port) <= MAX_PORT):
        return None
    return Authority(name, None if port is None else int(port))


def _configured_host(text: str) -> str:
    host = parse_host(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)
    if host is None or host.port is not None:
        raise ValidationError(
            f"allowed_hosts cannot contain {text!r}: give exact names without scheme, port or wildcard, "
            "as in 'devbox.example'.",
            field="allowed_hosts",
            value=text,
        )
    return host.name


def _configured_origin(text: str) -> Origin:
    origin = parse_origin(text)
    if origin is None:
        raise ValidationError(
            f"allowed_origins cannot contain {text!r}: give scheme, name and port, as in 'http://localhost:5173'.",
            field="allowed_origins",
            value=text,
        )
    return origin
