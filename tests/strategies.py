"""Random records and random filters, and the plain scan that every store must agree with.

Strategies are made once a kind: a strategy made anew for every draw is checked anew, which takes longer than the draw.
"""

import dataclasses
import enum
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st

from devtools.records import ALL, Http, Record, RecordField, fields_of
from devtools.telemetry.filters import Argument, Condition, Filter, arguments_of, from_arguments, matcher
from devtools.telemetry.identifiers import first_id
from devtools.telemetry.pages import Order

BASE_NS = 1_790_000_000_000_000_000
LARGEST = (1 << 63) - 1

WORDS = (
    "",
    "a",
    "card declined",
    "CARD",
    "100%",
    "a_b",
    "a%b",
    "ß",
    "SS",
    "straße",
    "İi",
    "日本",
    "x\0y",
    "'\"\\",
    "🙂",
    "\n\t",
    "é",
    "e\u0301",
)
"""Few enough that filters and records meet; each is hard for some database."""

words = st.sampled_from(WORDS)
texts = st.one_of(
    words,
    st.lists(words, max_size=3).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
kinds = st.sampled_from(ALL)
orders = st.sampled_from(list(Order))


def _value(field: RecordField) -> st.SearchStrategy[Any]:
    if issubclass(field.type, enum.Enum):
        return st.sampled_from(list(field.type))
    if field.type is bool:
        return st.booleans()
    if field.name == "time_ns":
        return st.integers(0, 5_000).map(lambda ms: BASE_NS + ms * 1_000_000)
    if field.column.scale != 1:
        return st.one_of(st.integers(0, 5_000_000_000), st.sampled_from([0, 1_500_000, LARGEST]))
    if field.type is int:
        return st.one_of(st.integers(0, 5), st.sampled_from([200, 404, 500, LARGEST]))
    if field.column.json:
        return texts.map(lambda text: json.dumps({"text": text}, ensure_ascii=False))
    return texts


def _fields(record_type: type[Record], struct: type[msgspec.Struct]) -> dict[str, st.SearchStrategy[Any]]:
    return {
        field.attribute: st.none() | _value(field) if _is_optional(field) else _value(field)
        for field in fields_of(record_type)
        if field.struct is struct and field.name not in {"id", "process_id"}
    }


def _is_optional(field: RecordField) -> bool:
    # Every field of a nested Struct is nullable as a column; inside the Struct some are not.
    if field.parent is None:
        return field.nullable
    return field.attribute not in {"method", "path"}


@cache
def records(record_type: type[Record]) -> st.SearchStrategy[dict[str, Any]]:
    """The fields of one record, without its id."""
    fields = _fields(record_type, record_type)
    if "http" in record_type.__struct_fields__:
        fields["http"] = st.none() | st.builds(Http, **_fields(record_type, Http))
    return st.fixed_dictionaries(fields)


@cache
def histories(record_type: type[Record], max_size: int = 15) -> st.SearchStrategy[list[Record]]:
    """Records of one kind with increasing ids, as one recorder gives them."""
    drawn = st.lists(records(record_type), max_size=max_size)
    return drawn.map(lambda fields: numbered(record_type, fields))


def numbered(
    record_type: type[Record], fields: Sequence[dict[str, Any]], process_id: int = 7
) -> list[Record]:
    """Records from their fields, with ids like a recorder's."""
    start = first_id(BASE_NS, process_id)
    return [
        record_type(id=start + (index << 12), process_id=process_id, **each)
        for index, each in enumerate(fields)
    ]


def _argument(argument: Argument) -> st.SearchStrategy[Any]:
    field = argument.field
    if field is None or argument.operator == "contains":
        return texts
    if argument.is_milliseconds:
        base = BASE_NS // 1_000_000 if field.name == "time_ns" else 0
        return st.one_of(
            st.integers(0, 5_000).map(lambda ms: base + ms), st.floats(0, 5_000).map(lambda ms: base + ms)
        )
    return st.lists(_value(field), max_size=4) if argument.is_list else _value(field)


@cache
def arguments(record_type: type[Record]) -> st.SearchStrategy[dict[str, Any]]:
    """Named filter arguments as GraphQL and the command line give them."""
    known = {name: _argument(argument) for name, argument in arguments_of(record_type).items()}
    chosen = st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: known[name] for name in names}))


@cache
def _typed_conditions(record_type: type[Record]) -> st.SearchStrategy[Condition]:
    """Conditions that only the query text makes: patterns with `*`, and values inside JSON."""
    fields = fields_of(record_type)
    names = st.sampled_from([field.name for field in fields if field.type is str])
    patterns = st.lists(st.one_of(st.just("*"), words), max_size=4).map("".join)
    in_text = st.builds(lambda name, pattern: Condition(name, "like", (pattern,)), names, patterns)
    json_names = [field.name for field in fields if field.column.json]
    if not json_names:
        return in_text
    paths = st.sampled_from(["text", "absent", "text.deeper"])
    in_json = st.builds(
        lambda name, path, text: Condition(name, "json", (path, text)),
        st.sampled_from(json_names),
        paths,
        words,
    )
    return in_text | in_json


@st.composite
def filters(draw: st.DrawFn, record_type: type[Record]) -> Filter:
    """A filter of up to three conditions, each perhaps turned around."""
    query = from_arguments(record_type, draw(arguments(record_type)))
    query &= Filter(tuple(draw(st.lists(_typed_conditions(record_type), max_size=1))))
    return Filter(
        tuple(dataclasses.replace(condition, negate=draw(st.booleans())) for condition in query.conditions)
    )


def scan(kept: Sequence[Record], query: Filter, order: Order = Order.NEWEST) -> list[Record]:
    """What a filter finds, by looking at every record."""
    passes = matcher(query)
    found = [record for record in sorted(kept, key=lambda record: record.id) if passes(record)]
    return found[::-1] if order is Order.NEWEST else found
