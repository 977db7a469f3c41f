"""The filter text for people, as one `Filter`: `level>=warn source:shop.* "card declined" -source:noisy dur>50ms since:10m`.

    card, "card declined"    the text stands in the searched fields, whatever its case
    word:value               equals; ids also by a dotted suffix or with `*`; longer texts contain the value
    word=value  word!=value  equals exactly; does not
    word>value  >=  <  <=    numbers, durations (ns us ms s m h d), levels, times
    word:one,two             one of
    data.sku=sku-2           a value inside JSON, compared as text
    trace:3f9a               a correlation id by its beginning
    since:10m  until:2026-01-31T12:00   a time, or how long ago
    -term                    what does not hold

All terms must hold. Which words there are depends on the kind of record: the `word` marks in `devtools.records`.
"""

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal, cast

from devtools.errors import ValidationError
from devtools.records import SEVERITY, Record, RecordField, RunStatus, fields_of
from devtools.telemetry.filters import Condition, Filter, Operator, compare

Comparison = Literal[":", "=", "!=", ">", ">=", "<", "<="]

MAX_WILDCARDS = 5
"""`*` in one value: more would make a search through long texts slow."""
CORRELATION_ID_DIGITS = 32

_TERM = re.compile(r"(?P<word>[A-Za-z_][\w-]*)(?:\.(?P<path>[^\s:=<>!\"]+))?(?P<comparison>!=|>=|<=|[:=<>])")
_VALUE = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]\S*)?')
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ns|us|µs|ms|s|m|h|d)?")
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
_BY_PREFIX = frozenset({"correlation_id", "fingerprint"})
_TIMES: dict[str, Operator] = {"since": "at_least", "until": "at_most"}


@dataclass(frozen=True)
class Term:
    """One part of a filter text. Without a word it is text to search for."""

    position: int
    """Character at which it begins, from 1."""
    word: str | None
    path: str | None
    comparison: Comparison
    value: str
    quoted: bool
    negate: bool


def parse(text: str, record_type: type[Record], *, now_ns: int) -> Filter:
    """The filter that a text means for one kind of record. `now_ns` is what `since:10m` counts from.

    Raises ValidationError saying at which character the text cannot be read, and which words there are.
    """
    return Filter(
        tuple(condition for term in terms(text) for condition in _conditions(term, record_type, now_ns))
    )


def parse_for(
    text: str, record_types: Iterable[type[Record]], *, now_ns: int
) -> Mapping[type[Record], Filter]:
    """The filters that one text means for several kinds. A kind that does not have one of its words is left out.

    Raises ValidationError where no kind is left.
    """
    found: dict[type[Record], Filter] = {}
    wanted, failure = terms(text), None
    for record_type in record_types:
        try:
            conditions = (
                condition for term in wanted for condition in _conditions(term, record_type, now_ns)
            )
            found[record_type] = Filter(tuple(conditions))
        except ValidationError as error:
            failure = failure or error
    if failure is not None and not found:
        raise failure
    return found


def terms(text: str) -> tuple[Term, ...]:
    """The parts of a filter text. Raises ValidationError saying where it cannot be read."""
    found: list[Term] = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return tuple(found)
        begin = at
        negate = text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace()
        at += negate
        head = _TERM.match(text, at)
        at = head.end() if head else at
        value = _VALUE.match(text, at)
        assert value is not None  # noqa: S101 - the pattern matches nothing, too
        at = value.end()
        found.append(_term(text, begin, head, value, negate))


def _term(text: str, begin: int, head: "re.Match[str] | None", value: "re.Match[str]", negate: bool) -> Term:
    if text[value.start() : value.start() + 1] == '"' and value["quoted"] is None:
        raise _wrong(text, value.start() + 1, "this quotation mark has no end")
    if value["quoted"] is not None:
        found, quoted = re.sub(r"\\(.)", r"\1", value["quoted"]), True
    else:
        found, quoted = value["bare"] or "", False
    if head is None:
        return Term(begin + 1, None, None, ":", found, quoted, negate)
    if not found and not quoted:
        raise _wrong(text, value.start() + 1, f"{head.group()} needs a value")
    comparison = cast("Comparison", head["comparison"])
    if comparison == "!=":
        comparison, negate = "=", not negate
    return Term(begin + 1, head["word"].lower(), head["path"], comparison, found, quoted, negate)


def _wrong(value: str, position: int, why: str) -> ValidationError:
    return ValidationError(f"Cannot read the filter at character {position}: {why}.", field="q", value=value)


@cache
def words_of(record_type: type[Record]) -> Mapping[str, RecordField]:
    """The words of a kind and the fields they mean."""
    return {stored.column.word: stored for stored in fields_of(record_type) if stored.column.word is not None}


def _conditions(term: Term, record_type: type[Record], now_ns: int) -> list[Condition]:
    if term.word is None:
        return [Condition("", "search", (term.value.casefold(),), term.negate)]
    if term.word in _TIMES:
        return [Condition("time_ns", _TIMES[term.word], (_time(term, now_ns),), term.negate)]
    stored = words_of(record_type).get(term.word)
    if stored is None:
        known = ", ".join([*words_of(record_type), *_TIMES])
        raise _wrong(
            term.word,
            term.position,
            f"{record_type.kind}s have no {term.word!r}. Words: {known}. Put text to search for in quotation marks",
        )
    if term.path is not None:
        return [_inside(term, stored)]
    return [replace(condition, negate=term.negate) for condition in _of_field(term, stored, now_ns)]


def _inside(term: Term, stored: RecordField) -> Condition:
    if not stored.column.json or term.comparison not in {":", "="}:
        why = (
            f"{term.word} holds no JSON"
            if not stored.column.json
            else "values inside JSON can only be compared with = and !="
        )
        raise _wrong(term.value, term.position, why)
    return Condition(stored.name, "json", (term.path, term.value), term.negate)


def _of_field(term: Term, stored: RecordField, now_ns: int) -> list[Condition]:
    if stored.type is str:
        return [_text(term, stored)]
    if issubclass(stored.type, enum.Enum):
        return [_enum(term, stored)]
    if stored.type is bool:
        return [Condition(stored.name, "one_of", (_boolean(term),))]
    return _number(term, stored, now_ns)


def _text(term: Term, stored: RecordField) -> Condition:
    if term.comparison not in {":", "="}:
        raise _wrong(term.value, term.position, f"{term.word} is text: compare it with : or =")
    column = stored.column
    if column.capitals:
        term = replace(term, value=term.value.upper())
    value = term.value
    if not term.quoted and term.comparison == ":" and "*" in value:
        if value.count("*") > MAX_WILDCARDS:
            raise _wrong(value, term.position, f"at most {MAX_WILDCARDS} * in one value")
        return Condition(stored.name, "like", (value,))
    if stored.name in _BY_PREFIX and len(value) < CORRELATION_ID_DIGITS:
        return Condition(stored.name, "like", (f"{value.lower().replace('*', '')}*",))
    if column.one_of is None and term.comparison == ":":
        return Condition(stored.name, "contains", (value,))
    return Condition(stored.name, "one_of", (value,) if term.quoted else _several(term))


def _several(term: Term) -> tuple[str, ...]:
    return tuple(part for part in term.value.split(",") if part) or (term.value,)


def _enum(term: Term, stored: RecordField) -> Condition:
    kind: type[enum.Enum] = stored.type
    members = {str(member.value).lower(): member for member in kind}
    found: list[enum.Enum] = []
    for part in _several(term):
        member = members.get(part.lower())
        if member is None:
            hint = (
                ". The status code of an HTTP answer is code" if kind is RunStatus and part.isdigit() else ""
            )
            why = f"{term.word} cannot be {part!r}: it must be one of {', '.join(members)}{hint}"
            raise _wrong(part, term.position, why)
        found.append(member)
    if term.comparison in {":", "="}:
        return Condition(stored.name, "one_of", tuple(found))
    if found[0] not in SEVERITY:
        raise _wrong(term.value, term.position, f"{term.word} has no order: compare it with : or =")
    if term.comparison in {">=", "<="}:
        return compare(stored, "at_least" if term.comparison == ">=" else "at_most", found[0])
    limit = SEVERITY[found[0]]
    passing = (level for level in members.values() if _beyond(SEVERITY[level], limit, term.comparison))
    return Condition(stored.name, "one_of", tuple(passing))


def _beyond(value: int, limit: int, comparison: Comparison) -> bool:
    return value > limit if comparison == ">" else value < limit


def _boolean(term: Term) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if term.comparison not in {":", "="} or term.value.lower() not in known:
        raise _wrong(term.value, term.position, f"{term.word} is true or false")
    return known[term.value.lower()]


def _number(term: Term, stored: RecordField, now_ns: int) -> list[Condition]:
    if stored.name == "time_ns":
        values = [_time(term, now_ns)]
    else:
        values = [_amount(term, part, is_duration=stored.name.endswith("_ns")) for part in _several(term)]
    if term.comparison in {":", "="}:
        return [Condition(stored.name, "one_of", tuple(values))]
    # Everything stored is a whole number, so what is greater than a value is at least the next one.
    limit = values[0] + {">": 1, "<": -1}.get(term.comparison, 0)
    return [Condition(stored.name, "at_least" if term.comparison.startswith(">") else "at_most", (limit,))]


def _amount(term: Term, text: str, *, is_duration: bool) -> int:
    found = _DURATION.fullmatch(text)
    if found is None or (found["unit"] is not None and not is_duration):
        kind = "a duration, as in 50ms or 1.5s" if is_duration else "a whole number"
        raise _wrong(text, term.position, f"{term.word} must be {kind}, not {text!r}")
    if not is_duration:
        if "." in text or not text.isascii():
            raise _wrong(text, term.position, f"{term.word} must be a whole number, not {text!r}")
        return int(text)
    return round(float(found["number"]) * _NANOSECONDS[found["unit"] or "ms"])


def _time(term: Term, now_ns: int) -> int:
    ago = _DURATION.fullmatch(term.value)
    if ago is not None and ago["unit"] is not None:
        return now_ns - round(float(ago["number"]) * _NANOSECONDS[ago["unit"]])
    try:
        moment = datetime.fromisoformat(term.value)
    except ValueError:
        raise _wrong(
            term.value, term.position, f"{term.value!r} is no time: write 10m, 2h or 2026-01-31T12:00 (UTC)"
        ) from None
    since_epoch = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.fromtimestamp(0, UTC)
    return since_epoch // timedelta(microseconds=1) * 1_000
