"""Which names are secret, as data (the lists of Sentry and of OAuth), and the rules that a user may add."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAMES = _words(
    "auth credentials mysql_pwd session csrftoken sessionid x_csrftoken x_forwarded_for set_cookie cookie "
    "authorization proxy_authorization aiohttp_session connect_sid csrf csrf_token phpsessid user_session "
    "symfony xsrf xsrf_token pwd oauth_token oauth_verifier oauth_signature code_verifier device_code "
    "user_code authorization_code auth_code assertion client_assertion x_amz_signature x_amz_credential "
    "x_amz_security_token aws_access_key_id cvv cvc otp totp pat jwt passcode pass passwd db_pass"
)
"""Whole names, in lower case with `_` between words."""

WORDS = _words("password passwd passphrase secret credential credentials")
"""A name with one of these words anywhere is secret, unless it ends in one of `ABOUT`."""

ABOUT = _words("at count length policy strength enabled expires expiry age changed required")
"""Last words of names that tell about a secret and do not hold it."""

LAST_WORDS = _words("token pwd cookie cookies authorization jwt apikey passcode")
"""A name whose last word is one of these is secret."""

PAIRS = _words(
    "api_key private_key access_key secret_key signing_key encryption_key account_key auth_key session_key"
)
"""Two words in a row that make a name secret."""

ENDINGS = _words(
    "password passwd passphrase secret apikey privatekey secretkey accesskey accesstoken refreshtoken "
    "authtoken idtoken sessiontoken csrftoken xsrftoken bearertoken"
)
"""Ends of names written without any separator."""

LONG_VALUES = _words("code key sig signature state")
"""Names in query strings that are secret where the value looks like a credential."""

HEADERS_TO_LINE_END = _words("authorization proxy_authorization cookie set_cookie")
"""Headers whose value runs to the end of its line."""

UNDECIDED = _words("auth session credentials pass code")
"""Names that are also plain English: in prose (`auth: ok`) only a value that looks like a credential is hidden."""

ID_WORDS = _words(
    "id ids uuid guid no number time times timestamp ts at ms ns trace span order sku count index"
)
"""Last words of names of ids, numbers and times: digits there are no card."""

CARD_WORDS = _words("card cc credit debit pan visa mastercard amex")
"""Words that make it a card nevertheless (`card_number`)."""


@dataclass(frozen=True)
class Rules:
    """The names to hide beside the built-in ones, and the callback that may keep a match: it gets a name or the matched text."""

    names: frozenset[str] = frozenset()
    allow: Callable[[str], bool] | None = None
    limit: int = 8_192
    """Bytes kept of a query or a header: what is longer is cut before it is looked at."""
    literals: tuple[str, ...] = ()
    """Texts that are hidden wherever they stand, whatever the callback says."""

    @classmethod
    def of(
        cls,
        names: Iterable[str] = (),
        allow: Callable[[str], bool] | None = None,
        limit: int = 8_192,
        literals: Iterable[str] = (),
    ) -> "Rules":
        """Rules with more names, written in any style."""
        longest_first = sorted(filter(None, literals), key=len, reverse=True)
        return cls(frozenset(normal_name(name) for name in names), allow, limit, tuple(longest_first))


DEFAULT = Rules()

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=4_096)
def normal_name(name: str) -> str:
    """A name in lower case with `_` between its words: `X-Api-Key`, `xApiKey` and `x_api_key` are one."""
    return _BETWEEN.sub("_", _CAMEL.sub("_", name[:200]).lower()).strip("_")


def is_secret_name(name: str, rules: Rules = DEFAULT) -> bool:
    """Whether the value under this name is hidden."""
    return _is_secret(name[:200], rules.names) and not is_allowed(name, rules)


@lru_cache(maxsize=4_096)
def _is_secret(name: str, extra: frozenset[str]) -> bool:
    normal = normal_name(name)
    words = normal.split("_")
    if normal in NAMES or normal in extra or words[-1] in LAST_WORDS or words[-1] in extra:
        return True
    if words[-1] in ABOUT:
        return False
    if not WORDS.isdisjoint(words) or any(f"{first}_{second}" in PAIRS for first, second in pairwise(words)):
        return True
    return normal.replace("_", "").endswith(tuple(ENDINGS)) or "".join(words) in extra


@lru_cache(maxsize=4_096)
def is_id_name(name: str) -> bool:
    """Whether digits under this name are an id, a number or a time."""
    words = normal_name(name).split("_")
    return words[-1] in ID_WORDS and CARD_WORDS.isdisjoint(words)


def is_allowed(text: str, rules: Rules) -> bool:
    """Whether the callback keeps this name or text."""
    if rules.allow is None:
        return False
    try:
        return bool(rules.allow(text))
    except Exception:  # a user's callback that fails hides, it never shows
        return False
