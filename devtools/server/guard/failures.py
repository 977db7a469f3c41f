"""Wrong tokens counted per client, so that guessing is seen and refused. Bounded in memory; the clock is an argument."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from devtools.server.guard.clients import parse_address

LIMIT = 10
WINDOW = 60.0
MAX_CLIENTS = 1_024


@dataclass
class _Attempts:
    ends: float
    counts: dict[bytes, int] = field(default_factory=dict[bytes, int])


class Failures:
    """Failed attempts of the last window. `fingerprint` stands for the token that was tried.

    After `limit` different wrong tokens every wrong one of the client is refused, uncounted. The right one is let in all the same
    (`Credentials.check` compares first), so what keeps guessing hopeless is its length: a short one is warned about.

    One wrong token sent again and again (a page left open over a restart) is refused alone: it guesses nothing, and must not lock
    out the tab beside it.
    """

    def __init__(
        self,
        *,
        limit: int = LIMIT,
        window: float = WINDOW,
        max_clients: int = MAX_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._window = window
        self._max_clients = max_clients
        self._clock = clock
        self._clients: OrderedDict[str, _Attempts] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._clients)

    def wait(self, client: str, fingerprint: bytes) -> float | None:
        """Seconds until this client may try this token; None = now."""
        with self._lock:
            attempts = self._current(_key(client))
            if attempts is None:
                return None
            spent = len(attempts.counts) >= self._limit or attempts.counts.get(fingerprint, 0) >= self._limit
            return attempts.ends - self._clock() if spent else None

    def add(self, client: str, fingerprint: bytes) -> None:
        """Count one failure."""
        with self._lock:
            key = _key(client)
            attempts = self._current(key)
            if attempts is None:
                attempts = self._clients[key] = _Attempts(self._clock() + self._window)
                while len(self._clients) > self._max_clients:
                    self._clients.popitem(last=False)
            attempts.counts[fingerprint] = attempts.counts.get(fingerprint, 0) + 1

    def _current(self, key: str) -> _Attempts | None:
        attempts = self._clients.get(key)
        if attempts is not None and attempts.ends <= self._clock():
            del self._clients[key]
            return None
        return attempts


def _key(client: str) -> str:
    """One key for all loopback addresses and for each IPv6 /64: a single machine has many of both."""
    address = parse_address(client)
    if address is None:
        return client
    if address.is_loopback:
        return "loopback"
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)
