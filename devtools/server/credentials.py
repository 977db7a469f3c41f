"""The tokens: where ours comes from, who may do what with one, and the link that carries it. No other module compares a token."""

import hashlib
import hmac
import math
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast
from urllib.parse import quote

from devtools.errors import LimitExceededError, UnauthenticatedError
from devtools.server.guard import token_file
from devtools.server.guard.clients import check_access, short_secrets
from devtools.server.guard.failures import Failures
from devtools.server.guard.memory_token import memory_token
from devtools.server.guard.policy import Granted, GrantedScope
from devtools.settings import Settings, variable

TokenOrigin = Literal["settings", "file", "memory", "none"]

MASK = "(token)"
UNTOLD = "_DEVTOOLS_TOKEN_UNTOLD"
"""Holds the digest of the token in DEVTOOLS_TOKEN where a process made that one and its output has not said it."""
MAX_TOKEN = 4_096
HOW = (
    "`devtools open` prints the link that carries it; without a database each server has one of its own, and its output says "
    f"the link. {variable('token')} sets it."
)
NO_TOKEN = f"A token is needed: send the header 'Authorization: Bearer ...'. It is never read from the address. {HOW}"
WRONG_TOKEN = f"This token is not the one of this server. {HOW}"
OPEN_WARNING = "auth=None: every process on this machine may read and write here; remote access stays off."


class TooManyFailuresError(LimitExceededError):
    """This client has tried too many wrong tokens. `retry_after` is in whole seconds."""

    def __init__(self, wait: float) -> None:
        self.retry_after = max(1, math.ceil(wait))
        super().__init__(f"Too many wrong tokens: try again in {self.retry_after} s. {HOW}")


@dataclass(frozen=True, repr=False)
class _Known:
    """A token we accept, as its digest: equal lengths, so that comparing takes equal time."""

    digest: bytes
    scope: GrantedScope
    actor: str


class Credentials:
    """The tokens of one DevTools. Make it with `load()`.

    `token` is the one that reads and writes (None with `auth=None`); `origin` says where it came from; `warnings` are for the user.
    `untold`: no file, setting or other output says the token, so the output of this process has to.
    """

    def __init__(
        self,
        settings: Settings,
        token: str | None,
        origin: TokenOrigin,
        *,
        path: Path | None = None,
        warnings: tuple[str, ...] = (),
        untold: bool = False,
        environment: MutableMapping[str, str] | None = None,
        failures: Failures | None = None,
    ) -> None:
        self.token = token
        self.origin: TokenOrigin = origin
        self.untold = untold
        self.path = path
        self.warnings = warnings
        self._environment = environment
        self._failures = failures or Failures()
        given: tuple[tuple[str | None, GrantedScope, str], ...] = (
            (token, "write", "token"),
            (settings.read_token, "read", "read token"),
            (settings.ingest_key, "ingest", "ingest key"),
        )
        self._secrets = tuple(secret for secret, _, _ in given if secret is not None)
        self._known = tuple(_Known(_digest(text), scope, actor) for text, scope, actor in given if text)

    @classmethod
    def load(
        cls,
        settings: Settings,
        state_directory: Path | None = None,
        persist: bool = True,
        *,
        environment: MutableMapping[str, str] | None = None,
        failures: Failures | None = None,
    ) -> "Credentials":
        """The tokens the settings ask for: the given one, else the one in the state directory, made on the first start.

        `persist=False`, or a directory that cannot be used: in memory, shared by the workers of one server, and in `environment`
        (default `os.environ`) as DEVTOOLS_TOKEN, for children of this process, until `withdraw()`. Raises ValidationError for
        tokens that cannot be used.
        """
        check_access(settings)
        environment = os.environ if environment is None else environment
        if settings.auth is None:
            return cls(settings, None, "none", warnings=(OPEN_WARNING,), failures=failures)
        inherited = settings.token or environment.get(variable("token"))
        if inherited:
            given = replace(settings, token=inherited)
            check_access(given)
            return cls(
                settings,
                inherited,
                "settings",
                warnings=short_secrets(given),
                untold=environment.get(UNTOLD) == _mark(inherited),
                environment=environment,
                failures=failures,
            )
        warnings = short_secrets(settings)
        if persist:
            try:
                directory = state_directory or token_file.default_directory(environment)
                token = token_file.keep_token(directory)
                path = directory / token_file.NAME
                return cls(settings, token, "file", path=path, warnings=warnings, failures=failures)
            except OSError as error:
                warnings += (
                    f"The token cannot be kept ({error}), so it changes with every start. Set {variable('token')}.",
                )
        token = memory_token()
        made = cls(
            settings,
            token,
            "memory",
            warnings=warnings,
            untold=True,
            environment=environment,
            failures=failures,
        )
        made.hand_down()
        return made

    def hand_down(self) -> None:
        """Put a token in memory into the environment, for children of this process; another one that stands there stays."""
        if (
            self.origin == "memory"
            and self._environment is not None
            and self.token is not None
            and not self._environment.get(variable("token"))
        ):
            self._environment[variable("token")] = self.token
            if self.untold:
                self._environment[UNTOLD] = _mark(self.token)

    def withdraw(self) -> None:
        """Take a token in memory out of the environment, where it is still ours. Children that run keep what they have."""
        if (
            self.origin == "memory"
            and self._environment is not None
            and self._environment.get(variable("token")) == self.token
        ):
            del self._environment[variable("token")]
            self._environment.pop(UNTOLD, None)

    def told(self) -> None:
        """The output has said the token: neither this process nor children that start from now on need to."""
        self.untold = False
        if self._environment is not None:
            self._environment.pop(UNTOLD, None)

    @property
    def required(self) -> bool:
        """Whether data needs a token at all; False with `auth=None`."""
        return self.origin != "none"

    def check(self, token: str | None, client: str) -> Granted:
        """What the bearer of this token may do. `client` is the caller's address: failures are counted by it.

        Raises UnauthenticatedError, or TooManyFailuresError with `retry_after`.
        """
        if not self.required:
            return Granted("write", "local", client)
        if not token:
            raise UnauthenticatedError(NO_TOKEN)
        digest = _digest(token[:MAX_TOKEN])
        # Every token is compared, also after one was found: the time taken says nothing.
        found = [known for known in self._known if hmac.compare_digest(known.digest, digest)]
        if not found:
            wait = self._failures.wait(client, digest)
            if wait is not None:
                raise TooManyFailuresError(wait)
            self._failures.add(client, digest)
            raise UnauthenticatedError(WRONG_TOKEN)
        return Granted(found[0].scope, found[0].actor, client)

    def link(self, base_url: str) -> str:
        """The address to open in a browser. The token stands in the fragment, which no browser sends to a server."""
        return link_with(self.token, base_url)

    def conceal(self, text: str) -> str:
        """The text without our tokens, for logs."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def __repr__(self) -> str:
        where = f", path={str(self.path)!r}" if self.path else ""
        return f"Credentials(origin={self.origin!r}{where})"


def link_with(token: str | None, base_url: str) -> str:
    """The address to open in a browser, with the token in its fragment."""
    fragment = "" if token is None else f"#token={quote(token, safe='')}"
    return f"{base_url.rstrip('/')}/{fragment}"


def known_token(settings: Settings, environment: Mapping[str, str] | None = None) -> str | None:
    """The token that a client of this user has: that of the settings, else the kept one. None where no server has made one yet.

    Raises ValidationError for one that cannot be used.
    """
    check_access(settings)
    if settings.auth is None or settings.token is not None:
        return settings.token
    try:
        return token_file.kept_token(
            token_file.default_directory(os.environ if environment is None else environment)
        )
    except OSError:
        return None


def bearer_token(header: str | None) -> str | None:
    """The token of an Authorization header; None when there is none or its scheme is another."""
    scheme, _, token = (header or "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def token_from_payload(payload: object) -> str | None:
    """The token in a `connection_init` payload: `{"token": "..."}` or `{"Authorization": "Bearer ..."}`, in any case."""
    if not isinstance(payload, Mapping):
        return None
    values = {str(name).lower(): value for name, value in cast("Mapping[object, object]", payload).items()}
    token, header = values.get("token"), values.get("authorization")
    if isinstance(token, str):
        return token
    return bearer_token(header) if isinstance(header, str) else None


def _mark(token: str) -> str:
    return _digest(token).hex()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
