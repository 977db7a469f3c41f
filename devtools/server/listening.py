"""Where a server of ours listens: the commands and `DevTools.start` open their sockets here."""

import errno
import socket

from devtools.errors import ConflictError, ValidationError

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - shown, not bound


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
    host, port = _ANY_ADDRESS.get(bound[0], bound[0]), bound[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
