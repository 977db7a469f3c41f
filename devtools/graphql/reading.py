"""From arguments to records: one filter from all that a field was given, the newest of a ring, pages of history."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import strawberry

from devtools.errors import LimitExceededError, ValidationError
from devtools.graphql.context import Context
from devtools.graphql.derive import given
from devtools.records import NodeKind, Record, Run
from devtools.telemetry.filters import EVERYTHING, Condition, Filter, from_arguments, resolve_ids, selection
from devtools.telemetry.pages import DEFAULT_PAGE, Order, Page, PageRequest, decode_cursor
from devtools.telemetry.query_language import parse

R = TypeVar("R", bound=Record)
T = TypeVar("T")

DEFAULT_LAST = 200
"""Length of a `live` list when nothing is said."""
PEER_NODE_KINDS = (NodeKind.TASK, NodeKind.HOOK)
"""What `live` lists show of runs unless `nodeKinds` asks for more."""
PEER_RUNS = Filter((Condition("node_kind", "one_of", PEER_NODE_KINDS),))
_select_peer_runs = selection(PEER_RUNS)


def filter_of(context: Context, record_type: type[Record], where: object, q: str | None = None) -> Filter:
    """One filter from a filter input and a filter text; ids given as a dotted suffix stand for the known ids."""
    arguments = dict(given(where))
    if not arguments and not q:
        return EVERYTHING
    apps, roles = arguments.pop("apps", None), arguments.pop("roles", None)
    query = from_arguments(record_type, arguments) & of_processes(context, apps, roles)
    if q:
        query &= parse(q, record_type, now_ns=context.services.recorder.clocks.time_ns())
    return resolve_ids(record_type, query, lambda identifier: context.known_ids(record_type, identifier))


def of_processes(context: Context, apps: Sequence[str] | None, roles: Sequence[str] | None) -> Filter:
    """Records of the processes with one of these apps and one of these roles."""
    if not apps and not roles:
        return EVERYTHING
    wanted = tuple(
        process.id
        for process in context.processes.values()
        if (not apps or process.app in apps) and (not roles or process.role in roles)
    )
    return Filter((Condition("process_id", "one_of", wanted),))


def newest(
    context: Context,
    record_type: type[R],
    after_ms: float | None,
    last: int | None,
    where: object,
    also: Filter = EVERYTHING,
) -> list[Any]:  # Any: records stand for their GraphQL types
    """The newest records in memory that pass, oldest of them first: what the peer's `live` lists answer.

    `after_ms` is strictly greater, compared as `timestampMs` is written, so that a record's own value does not return it.
    """
    limit = context.limits.live
    after_ms, last = or_none(after_ms), or_none(last)
    if last is None:
        last = DEFAULT_LAST if after_ms is None else limit
    if last > limit:
        raise LimitExceededError(
            f"last cannot be {last}: at most {limit} records (limits.live). Ask for fewer, or page through `history`."
        )
    if last <= 0:
        return []
    query = filter_of(context, record_type, where) & also
    if record_type is not Run or any(condition.field == "node_kind" for condition in query.conditions):
        select = selection(query)
    elif query.conditions:
        select = selection(query & PEER_RUNS)
    else:
        select = _select_peer_runs
    ring = context.rings.of(record_type)
    if after_ms is None:
        found = ring.newest(last, select)
    else:
        found = ring.newest(
            last, lambda records: select([record for record in records if record.timestamp_ms > after_ms])
        )
    context.parts.note(found)
    return found


def first_of(context: Context, first: int | None) -> int:
    """The length of a page. Raises LimitExceededError beyond the limit."""
    limit = context.limits.page
    first = DEFAULT_PAGE if first is None else first
    if first < 0:
        raise ValidationError(f"first cannot be {first}: it must be 0 or more.", field="first", value=first)
    if first > limit:
        raise LimitExceededError(
            f"first cannot be {first}: at most {limit} records a page (limits.page). Ask for fewer and pass `after`."
        )
    return first


@dataclass
class Listing(Generic[R]):
    """One list of history. What is not asked for is not read."""

    context: Context
    record_type: type[R]
    query: Filter
    request: PageRequest

    @cached_property
    def page(self) -> Page[R]:
        """The records of the page."""
        found = self.context.history.page(self.record_type, self.query, self.request)
        self.context.parts.note(found.records)
        return found

    def count(self) -> int:
        """How many records pass the filter, over all pages."""
        return self.context.history.count(self.record_type, self.query)

    def evicted_before(self) -> float | None:
        """Unix milliseconds before which records of the kind were evicted."""
        return self.context.evicted_before(self.record_type)


def listing(
    context: Context,
    record_type: type[R],
    query: Filter,
    first: int | None,
    after: str | None = None,
    order: Order | None = None,
) -> Listing[R]:
    """A list of history. Raises for a page that is too long and for a cursor that is not one."""
    position = decode_cursor(record_type, after) if after else None
    request = PageRequest(first_of(context, first), position, order or Order.NEWEST)
    return Listing(context, record_type, query, request)


def or_none(value: T | None) -> T | None:
    """None for an argument that was not given."""
    return None if value is strawberry.UNSET else value
