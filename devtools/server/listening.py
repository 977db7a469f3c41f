"""Where a server of ours listens: the commands and `DevTools.start` open their sockets here."""

import errno
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from devtools.errors import ConflictError, ValidationError

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - shown, not bound

_VARIABLES: dict[str, dict[str, str]] = {
    "uvicorn": {
        name: f"UVICORN_{name.upper().replace('-', '_')}"
        for name in ("port", "host", "uds", "fd", "ssl-keyfile")
    },
    "fastapi": {"port": "PORT"},
}
"""By server the variables that stand in for its options."""


def listen(host: str, port: int, *, remedy: str = "pass --port") -> socket.socket:
    """A socket that listens. Raises ConflictError when the port is in use, ValidationError for an address that is not ours.

    `port` 0 is any free one. `remedy` is how the caller chooses another port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(
                f"Port {port} on {host} is in use. Stop what runs there, or {remedy}."
            ) from error
        raise ValidationError(
            f"Cannot listen on {host} port {port}: {error}.", field="host", value=host
        ) from error
    return listener


def address(listener: socket.socket) -> str:
    """What a browser on this machine opens, as in `http://127.0.0.1:1337`."""
    bound: tuple[str, int] = listener.getsockname()[:2]
    return _shown("http", *bound)


def address_of_command(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Where a command line lets uvicorn, or FastAPI's command, listen: no app is told. None where it says no port.

    Both take --host, --port and the like, and listen on 127.0.0.1 and port 8000 where nothing is said.
    """
    program = Path(arguments[0]) if arguments else Path()
    variables = _VARIABLES.get(program.parent.name if program.name == "__main__.py" else program.stem)
    if variables is None:
        return None

    def option(name: str, default: str) -> str:
        found = [
            value.partition("=")[2] if "=" in value else after
            for value, after in zip(arguments, [*arguments[1:], ""], strict=True)
            if value.partition("=")[0] == f"--{name}"
        ]
        return found[-1] if found else environment.get(variables.get(name, ""), default)

    port = option("port", "8000")
    if option("uds", "") or option("fd", "") or not port.isdecimal() or int(port) == 0:
        return None
    return _shown("https" if option("ssl-keyfile", "") else "http", option("host", "127.0.0.1"), int(port))


def _shown(scheme: str, host: str, port: int) -> str:
    host = _ANY_ADDRESS.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
