"""What is a secret in a text and how it is hidden: patterns as data, pure functions over them. Called by the payload guard.

The mark never echoes what it hides. Patterns: credentials that betray themselves by shape, and values beside a secret name.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_plus

from devtools.telemetry.secret_names import (
    DEFAULT,
    HEADERS_TO_LINE_END,
    LONG_VALUES,
    UNDECIDED,
    Rules,
    is_allowed,
    is_id_name,
    is_secret_name,
    normal_name,
)

MARK = "[masked]"
"""Stands for a secret."""

OVERLAP = 1_024
"""Characters beyond a limit that are looked at, so that a secret across the cut is still recognised."""


ISSUERS = re.compile(
    r"4\d{12}(?:\d{3})?$|5[1-5]\d{14}$|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}$|3[47]\d{13}$|3(?:0[0-5]|[68]\d)\d{11}$"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}$|35(?:2[89]|[3-8]\d)\d{12}$"
)
"""Visa, Mastercard, American Express, Diners Club, Discover, JCB."""


@dataclass(frozen=True)
class Finding:
    """One secret in a text: which rule found it, and where."""

    rule: str
    start: int
    end: int


def mask_text(text: str, rules: Rules = DEFAULT, *, cards: bool = True, end: int | None = None) -> str:
    """The text up to `end` with every secret replaced by the mark, also one that goes on beyond it."""
    found = find(text, rules, cards=cards)
    if not found:
        return text[:end]
    parts: list[str] = []
    position = 0
    for finding in found:
        if end is not None and finding.start >= end:
            break
        if finding.end <= position:
            continue
        if finding.start >= position:
            parts += (text[position : finding.start], MARK)
        position = finding.end
    parts.append(text[position:end])
    return "".join(parts)


def mask_start(text: str, limit: int, rules: Rules = DEFAULT, *, cards: bool = True) -> str:
    """The masked text, no longer than `limit` bytes of UTF-8; what is far beyond them is not looked at."""
    total = str.__len__(text)
    masked = mask_text(text[: limit + OVERLAP], rules, cards=cards, end=limit)
    return cut(masked, total, limit) if total > limit or len(masked.encode()) > limit else masked


def cut(head: str, total: int, limit: int) -> str:
    """The start of a text, and how long it was, in `limit` bytes."""
    mark = f"… [cut: {total:,} characters]"
    room = limit - len(mark.encode())
    if room < 0:
        return head.encode()[:limit].decode(errors="ignore")
    return head.encode()[:room].decode(errors="ignore") + mark


def find(text: str, rules: Rules = DEFAULT, *, cards: bool = True, is_decoded: bool = False) -> list[Finding]:
    """Every secret in a text, by position. The dry run shows these. What was decoded already is not decoded again."""
    found = [finding for finder in FINDERS for finding in finder(text)]
    found += _named(text, rules)
    found += _written(text, rules)
    found += _inserted(text, rules)
    if not is_decoded and "?" in text and "%" in text:
        found += _parameters(text, rules)
    if cards:
        found += _cards(text)
    if rules.allow is not None:
        found = [finding for finding in found if not is_allowed(text[finding.start : finding.end], rules)]
    for literal in rules.literals:
        found += _occurrences(text, literal)
    return sorted(found, key=lambda finding: (finding.start, -finding.end))


def _occurrences(text: str, literal: str) -> Iterator[Finding]:
    start = text.find(literal)
    while start >= 0:
        yield Finding("literal", start, start + len(literal))
        start = text.find(literal, start + len(literal))


def mask_query(query: str, rules: Rules = DEFAULT) -> str:
    """A query string or form with the values of secret names replaced, and text patterns elsewhere."""
    if not query:
        return query
    total, limit = len(query), rules.limit
    if total <= limit:
        return "&".join([_mask_pair(pair, rules) for pair in query.split("&")])
    return cut("&".join(_mask_pairs(query, limit, rules)), total, limit)


def _mask_pairs(query: str, limit: int, rules: Rules) -> Iterator[str]:
    """The pairs that begin within the limit; of one that goes beyond it nothing is shown where it holds a secret."""
    position = 0
    for pair in query[: limit + OVERLAP].split("&"):
        if position > limit:
            return
        masked = _mask_pair(pair, rules)
        room = limit - position
        if len(pair) > room:
            masked = pair[:room] if masked == pair else f"{pair.partition('=')[0][:room]}={MARK}"
        yield masked
        position += len(pair) + 1


def mask_header(name: str, value: str, rules: Rules = DEFAULT) -> str:
    """The value of a header, or the mark."""
    if is_secret_name(name, rules):
        return MARK
    return mask_start(value, rules.limit, rules, cards=not is_id_name(name))


def _mask_pair(pair: str, rules: Rules) -> str:
    name, equals, value = pair.partition("=")
    if not value:
        return mask_text(pair, rules)
    if _is_secret_pair(name, value, rules):
        return f"{mask_text(name, rules)}={MARK}"
    cards = not is_id_name(unquote_plus(name))
    return f"{mask_text(name, rules)}{equals}{mask_text(value, rules, cards=cards)}"


def _is_secret_pair(name: str, value: str, rules: Rules) -> bool:
    """Whether a parameter is secret by its name, or by what is only seen once it is decoded."""
    plain_name, plain = unquote_plus(name), unquote_plus(value)
    if is_secret_name(plain_name, rules):
        return True
    if normal_name(plain_name) in LONG_VALUES and _looks_random(plain, 16):
        return not is_allowed(plain_name, rules)
    return value != plain and bool(find(plain, rules, cards=not is_id_name(plain_name), is_decoded=True))


def _looks_random(value: str, length: int) -> bool:
    return len(value) >= length and not value.isdigit() and " " not in value


_SHAPES: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    # What begins like one and has no second part is passed over whole, not tried again from each place in it.
    ("jwt", "eyJ", re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{6,}+(\.[\w-]{4,}+(?:\.[\w-]*+){0,3})?")),
    (
        "pem",
        "-----BEGIN",
        re.compile(r"-----BEGIN [A-Z0-9 ]{1,60}-----.*?(?:-----END [A-Z0-9 ]{1,60}-----|\Z)", re.DOTALL),
    ),
    (
        "aws",
        "A",
        re.compile(
            r"(?<![A-Za-z0-9])(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"
        ),
    ),
    ("github", "gh", re.compile(r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{20,}")),
    ("github", "github_pat_", re.compile(r"github_pat_\w{20,}")),
    ("slack", "xox", re.compile(r"(?<![A-Za-z0-9])xox[abeoprs]-[\w-]{8,}")),
    ("secret key", "k", re.compile(r"(?<![A-Za-z0-9_-])(?:sk-|sk_|rk_)[\w-]{16,}")),
    ("google", "AIza", re.compile(r"AIza[\w-]{35}")),
    # As SQLAlchemy ends the text of an error with them. A value may have lines of its own: what follows it tells its end.
    (
        "sql parameters",
        "[parameters: ",
        re.compile(
            r"(?<=\[parameters: )(?=[(\[{]).+?"
            r"(?=\]\r?\n[ \t|]*(?:\(Background on this error|\r?\n[ \t|]*(?:The above|During handling))|\]?\Z)",
            re.DOTALL,
        ),
    ),
)
"""Credentials with a shape: rule, a literal every match contains, pattern."""


def _shapes(text: str) -> Iterator[Finding]:
    for rule, literal, pattern in _SHAPES:
        if literal in text:
            for match in pattern.finditer(text):
                if not pattern.groups or match[1] is not None:
                    yield Finding(rule, match.start(), match.end())


_BEARER = re.compile(
    r"(?<![A-Za-z0-9])[Bb]earer[ \t]+(?!(?:tokens?|auth\w*|scheme|realm|error|is|was|of|and|or|in)\b)([\w.~+/=-]{3,})"
)
_BASIC = re.compile(r"(?<![A-Za-z0-9])[Bb]asic[ \t]+([A-Za-z0-9+/_-]{4,}={0,2})")


def _schemes(text: str) -> Iterator[Finding]:
    if "earer" in text:
        for match in _BEARER.finditer(text):
            yield Finding("bearer", match.start(1), match.end(1))
    if "asic" in text:
        for match in _BASIC.finditer(text):
            if _is_user_and_password(match[1]):
                yield Finding("basic", match.start(1), match.end(1))


def _is_user_and_password(encoded: str) -> bool:
    try:
        return b":" in base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_")
    except (binascii.Error, ValueError):
        return False


_URLS = re.compile(r"[^\s\"'<>]+")
_USER = re.compile(r"://[^/?#:@]*+:(?!\d{1,5}[/?#])")
_TOKEN_AS_USER = re.compile(r"https?://([\w.~+%=-]{16,}+)@")


def _userinfo(text: str) -> Iterator[Finding]:
    if "://" not in text or "@" not in text:
        return
    for run in _URLS.finditer(text):
        # From the last `@` backwards: a search from each `://` to the end would take the square of the length.
        last = text.rfind("@", *run.span())
        user = _USER.search(text, run.start(), last) if last > 0 else None
        if user is not None and user.end() < last:
            yield Finding("userinfo", user.end(), last)
    for match in _TOKEN_AS_USER.finditer(text):
        yield Finding("userinfo", match.start(1), match.end(1))


_NAMED = re.compile(
    r"(?<![\w.-])(--)?([A-Za-z_][\w.\[\]-]{1,80}+)(\\*[\"']?\s{0,3}+)(=>|[:=]|(?<=\s))(?!//)\s{0,3}+"
)
_QUOTED = re.compile(
    r"[brfu]{0,2}(?:\"([^\"\\]*+(?:\\.[^\"\\]*+)*+)|'([^'\\]*+(?:\\.[^'\\]*+)*+)|\\+[\"']([^\"']*+))",
    re.DOTALL,
)
_QUOTE_BEGINS = frozenset("\"'\\brfu")
_BARE = re.compile(r"[^\s,;&\"'}\])]+")
_LINE = re.compile(r"[^\r\n\"']+")
_PROSE_CREDENTIAL = re.compile(r"(?=[^\s,;&\"'}\])\d]{0,40}+\d)[^\s,;&\"'}\])]{6,}")
_NOTHING = frozenset({"None", "null", "true", "false", "True", "False"})


def _named(text: str, rules: Rules) -> Iterator[Finding]:
    if "=" not in text and ":" not in text and "--" not in text:
        return
    done = 0
    for match in _NAMED.finditer(text):
        dashes, name, quote, separator = match.groups()
        if match.start() < done or (separator == "" and not dashes) or not is_secret_name(name, rules):
            continue
        finding = _value(text, match.end(), name, is_prose=separator == ":" and not quote.strip())
        if finding is not None:
            done = finding.end
            yield finding


def _value(text: str, start: int, name: str, *, is_prose: bool) -> Finding | None:
    normal = normal_name(name)
    if text[start : start + 1] in _QUOTE_BEGINS and (quoted := _QUOTED.match(text, start)):
        group = quoted.lastindex or 1
        return Finding("name", quoted.start(group), quoted.start(group) + len(quoted[group].rstrip("\\")))
    if is_prose and normal in UNDECIDED:
        match = _PROSE_CREDENTIAL.match(text, start)
    elif text.startswith(MARK, start):
        return None
    elif text.startswith(("[", "(", "{"), start):
        return _in_brackets(text, start)
    elif normal in HEADERS_TO_LINE_END:
        match = _LINE.match(text, start)
    else:
        begins_line = is_prose and _LINE_START.search(text, max(0, start - 140), start)
        match = (_PHRASE if begins_line else _BARE).match(text, start)
    if match is None or match[0] in _NOTHING:
        return None
    return Finding("name", match.start(), match.end())


_LINE_START = re.compile(r"(?:^|\n)[ \t]*[\w.\[\]-]+[ \t]*:[ \t]*$")
_PHRASE = re.compile(r"[^\s,;&\"'}\])]++(?:[ \t]++(?![\w.-]{1,80}+[ \t]?[:=])[^\s,;&\"'}\])]++)*+")
_INSIDE = re.compile(
    r"\\+[\"'][^\"']*+[\"']?|\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"?|'[^'\\]*+(?:\\.[^'\\]*+)*+'?|[\[({]|[\])}]",
    re.DOTALL,
)


def _in_brackets(text: str, start: int) -> Finding | None:
    """What stands between a bracket and the one that closes it, or to the end where that was cut off."""
    depth, end = 0, len(text)
    for match in _INSIDE.finditer(text, start):
        depth += 1 if match[0] in "[({" else -1 if match[0] in "])}" else 0
        if depth <= 0:
            end = match.start()
            break
    inside = text[start + 1 : end].strip(" ,\n\t")
    return Finding("name", start + 1, end) if inside and inside not in _NOTHING and inside != MARK else None


_QUERY_CODE = re.compile(r"[?&](?:code|key|sig|signature|state)=([^\s&#\"'<>]{16,})")


def _query_codes(text: str) -> Iterator[Finding]:
    if "=" in text and ("?" in text or "&" in text):
        for match in _QUERY_CODE.finditer(text):
            if not match[1].isdigit():
                yield Finding("query", match.start(1), match.end(1))


_PARAMETERS = re.compile(r"\?([^\s\"'<>]+)")


def _parameters(text: str, rules: Rules) -> Iterator[Finding]:
    """Encoded parameters of an address within a text, as an access log has them. The plain ones are found without this."""
    for match in _PARAMETERS.finditer(text):
        start = match.start(1)
        for pair in match[1].split("&"):
            name, _, value = pair.partition("=")
            if value and "%" in pair and value != MARK and _is_secret_pair(name, value, rules):
                yield Finding("query", start + len(name) + 1, start + len(pair))
            start += len(pair) + 1


_ELEMENT = re.compile(
    r"<(?:[\w-]{1,80}+:)?([A-Za-z_][\w.-]{0,80}+)(?:\s[^<>]{0,200}+)?>(?:<!\[CDATA\[)?([^<>]++)"
)
_USER_OPTION = re.compile(r"(?<!\S)(?:-u|--user)[ =]?[\"']?[^\s:\"']{1,100}+:([^\s\"']+)")
_MYSQL_OPTION = re.compile(r"(?<!\S)-p([^\s\"']+)")


def _written(text: str, rules: Rules) -> Iterator[Finding]:
    """Elements of XML and options of commands that carry a password."""
    if "</" in text:
        for match in _ELEMENT.finditer(text):
            if is_secret_name(match[1], rules) and match[2].strip() not in ("", MARK):
                yield Finding("name", match.start(2), match.end(2))
    if "curl" in text and "-u" in text:
        for match in _USER_OPTION.finditer(text):
            yield Finding("option", match.start(1), match.end(1))
    if "-p" in text and ("mysql" in text or "mariadb" in text):
        for match in _MYSQL_OPTION.finditer(text):
            yield Finding("option", match.start(1), match.end(1))


_INSERT = re.compile(
    r"insert\s{1,9}into\s{1,9}[^\s(]{1,200}\s{0,9}\(([^()]{1,4000})\)\s{0,9}values\s{0,9}(?=\()",
    re.IGNORECASE,
)
_SQL = re.compile(r"'([^']*+(?:''[^']*+)*+)'?|\"([^\"]*+)\"?|[(),]")
_NEXT_ROW = re.compile(r"\s{0,9},\s{0,9}\(")


def _inserted(text: str, rules: Rules) -> Iterator[Finding]:
    """Quoted values of the columns with a secret name in `INSERT INTO table (columns) VALUES …`."""
    if "'" not in text and '"' not in text:
        return
    done = 0
    for statement in _INSERT.finditer(text):
        if statement.start() < done:
            continue
        names = [name.strip(' `"[]\r\n\t') for name in statement[1].split(",")]
        secret = {index for index, name in enumerate(names) if is_secret_name(name, rules)}
        if secret:
            for reached, finding in _quoted_columns(text, statement.end(), secret):
                done = reached
                if finding is not None:
                    yield finding


def _quoted_columns(text: str, start: int, secret: set[int]) -> Iterator[tuple[int, Finding | None]]:
    """How far the rows were read, with what is to be hidden there."""
    depth = column = 0
    for match in _SQL.finditer(text, start):
        sign = match[0]
        if sign == "(":
            depth += 1
            column = column if depth > 1 else 0
        elif sign == ")":
            depth -= 1
            if depth <= 0 and not _NEXT_ROW.match(text, match.end()):
                yield match.end(), None
                return
        elif sign == ",":
            column += depth == 1
        elif depth and column in secret:
            group = match.lastindex or 1
            yield match.end(), Finding("name", match.start(group), match.end(group))
    yield len(text), None


_CARD = re.compile(
    r"(?<![\w.+#/-])(?:\d{13,16}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}|\d{4}([ -])\d{6}\2\d{4,5})(?![\w/-])(?!\.\d)(?![ ]\d{3})"
)
_ID_BEFORE = re.compile(r"([A-Za-z_][\w.-]{0,60})[\"']?\s{0,2}[:=#]?\s{0,2}[\"']?$")


def _cards(text: str) -> Iterator[Finding]:
    if len(text) < 13:
        return
    for match in _CARD.finditer(text):
        digits = match[0].replace(" ", "").replace("-", "")
        if ISSUERS.match(digits) and is_luhn_valid(digits):
            before = _ID_BEFORE.search(text, max(0, match.start() - 70), match.start())
            if before is None or not is_id_name(before[1]):
                yield Finding("card", match.start(), match.end())


def is_luhn_valid(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


FINDERS: tuple[Callable[[str], Iterator[Finding]], ...] = (_shapes, _schemes, _userinfo, _query_codes)
"""The finders that need no name."""

_FOLD = bytes.maketrans(b'ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789:_\0("', b"0" * 35 + b"===,'")
_RUN = "0" * 13


def is_plainly_clean(text: str) -> bool:
    """A cheap answer for short ASCII text: True means that nothing needs to be done, False that the finders must be asked."""
    # Searching in str costs a fifth of searching in bytes, so the folded bytes become text again.
    folded = text.encode().translate(_FOLD, b" -").decode()
    return not (
        "=" in folded
        or _RUN in folded
        or "earer" in folded
        or "asic" in folded
        or "ey0" in folded
        or "xox" in folded
        or "00za" in folded
        or ",'" in folded
        or "</" in text
        or "-p" in text
        or "--" in text
        or "sk-" in text
    )
