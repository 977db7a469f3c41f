"""Who may reach us over the network: this machine, or others where the user said so and gave a strong token."""

import ipaddress
from functools import lru_cache

from devtools.errors import ValidationError
from devtools.settings import Settings, variable

REMEMBERED = 256
"""Addresses whose answer is kept: reading one takes longer than the rest of the check."""
REMOTE_TOKEN_LENGTH = 32
SHORT_TOKEN_LENGTH = 16
"""Shorter ones can be guessed by a program on this machine."""
REMEDY = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
SECRETS = ("token", "read_token", "ingest_key")


@lru_cache(maxsize=REMEMBERED)
def is_loopback(host: str) -> bool:
    """Whether an address, as text, is of this machine alone. Names other than `localhost` are not looked up."""
    address = parse_address(host)
    return host == "localhost" if address is None else address.is_loopback


def parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, an IPv4 one where it came mapped into IPv6; None when it is no address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def check_access(settings: Settings) -> None:
    """Refuse settings that would let somebody in. Raises ValidationError; no message or value shows a token."""
    given = {name: value for name in SECRETS if (value := getattr(settings, name)) is not None}
    for name, value in given.items():
        _check_secret(name, value, settings.allow_remote)
    for name in ("read_token", "ingest_key"):
        if name in given and list(given.values()).count(given[name]) > 1:
            raise _hidden(name, f"{name} cannot equal another token: give each its own value.")
    if settings.auth is None and settings.allow_remote:
        raise ValidationError(
            "allow_remote cannot be True with auth=None: anyone on the network could read. Leave auth at 'token'.",
            field="allow_remote",
            value=True,
        )


def short_secrets(settings: Settings) -> tuple[str, ...]:
    """One warning for each token that can be guessed, without showing it."""
    return tuple(
        f"The setting {name} ({variable(name)}) has {len(value)} characters and can be guessed: "
        f"give at least {SHORT_TOKEN_LENGTH}. {REMEDY}"
        for name in SECRETS
        if (value := getattr(settings, name)) is not None and len(value) < SHORT_TOKEN_LENGTH
    )


def refuse_unsafe_bind(host: str, settings: Settings) -> None:
    """Refuse to listen on an address that others reach, unless `allow_remote` and a strong token hold.

    A token that we make has 256 bits and is strong. Raises ValidationError.
    """
    check_access(settings)
    if is_loopback(host) or settings.allow_remote:
        return
    raise ValidationError(
        f"host cannot be {host!r}: other machines could connect. Listen on 127.0.0.1, or say --allow-remote "
        f"({variable('allow_remote')}=1) with a token of at least {REMOTE_TOKEN_LENGTH} characters ({variable('token')}).",
        field="host",
        value=host,
    )


def _check_secret(name: str, value: str, remote: bool) -> None:
    if not value or not all("!" <= character <= "~" for character in value) or len(value) > 512:
        raise _hidden(name, f"{name} cannot be used: give 1 to 512 visible ASCII characters without spaces.")
    if remote and len(value) < REMOTE_TOKEN_LENGTH:
        raise _hidden(
            name,
            f"{name} has {len(value)} characters: with allow_remote it needs at least {REMOTE_TOKEN_LENGTH}. "
            + REMEDY,
        )


def _hidden(name: str, message: str) -> ValidationError:
    return ValidationError(message, field=name, value="(hidden)")
