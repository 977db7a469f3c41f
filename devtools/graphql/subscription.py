"""Live records: batches of what came since the last one, with a position to go on from after a lost connection."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

import strawberry

from devtools.errors import ValidationError
from devtools.graphql.context import Context, Info
from devtools.graphql.declare import object_type
from devtools.graphql.derive import given
from devtools.graphql.reading import of_processes, or_none
from devtools.graphql.records import TYPES
from devtools.graphql.system import RecordKind, record_type_of
from devtools.records import ALL, Record
from devtools.telemetry.filters import Filter, arguments_of, from_arguments, resolve_ids
from devtools.telemetry.query_language import parse_for
from devtools.telemetry.subscribers import Batch, Gap, Position

SILENCE = 15.0
"""Seconds after which a subscription to which nothing came says that it is alive."""

if TYPE_CHECKING:
    TelemetryRecord = Record
else:
    TelemetryRecord = Annotated[
        Union[tuple(TYPES[kind] for kind in ALL)],  # noqa: UP007 - made from the kinds there are
        strawberry.union("TelemetryRecord", description="A record of any kind."),
    ]


@strawberry.input(description="Which records, of every kind that is followed: all that is given must hold.")
class RecordFilterInput:
    """Which records: arguments that every kind has."""

    correlation_ids: list[str] | None = strawberry.UNSET
    since_ms: float | None = strawberry.UNSET
    until_ms: float | None = strawberry.UNSET
    search: str | None = strawberry.UNSET
    apps: list[str] | None = strawberry.UNSET
    roles: list[str] | None = strawberry.UNSET


@strawberry.type(description="Ids between which records were lost, both excluded.")
class RecordGap:
    """Records that were dropped before they could be read."""

    from_: strawberry.ID = strawberry.field(name="from")
    to: strawberry.ID


@object_type
class RecordBatch:
    """What came since the last batch, oldest first. Pass `position` as `since` to go on from here."""

    position: str
    records: list[TelemetryRecord]
    gap: RecordGap | None


ALIVE = RecordBatch(position="", records=[], gap=None)
"""What the source yields once it follows, and after a silence. It is not executed: each transport has its own sign of life."""


def filters_of(
    context: Context, kinds: list[RecordKind] | None, where: RecordFilterInput | None, q: str | None
) -> Mapping[type[Record], Filter]:
    """The filter for every kind that is followed: those asked for, which have all the words of the text."""
    wanted = [record_type_of(kind) for kind in kinds] if kinds else list(ALL)
    now_ns = context.services.recorder.clocks.time_ns()
    found = parse_for(q, wanted, now_ns=now_ns) if q else dict.fromkeys(wanted, Filter())
    arguments = dict(given(where))
    processes = of_processes(context, arguments.pop("apps", None), arguments.pop("roles", None))
    return {kind: _whole(context, kind, query & processes, arguments) for kind, query in found.items()}


def _whole(context: Context, kind: type[Record], query: Filter, arguments: Mapping[str, Any]) -> Filter:
    unknown = [name for name in arguments if name not in arguments_of(kind)]
    if unknown:
        raise ValidationError(f"{kind.kind}s cannot be filtered by {unknown[0]}.", field=unknown[0])
    whole = query & from_arguments(kind, arguments)
    return resolve_ids(kind, whole, lambda identifier: context.known_ids(kind, identifier))


async def _records(
    info: Info,
    kinds: list[RecordKind] | None = strawberry.UNSET,
    where: Annotated[RecordFilterInput | None, strawberry.argument(name="filter")] = strawberry.UNSET,
    q: str | None = strawberry.UNSET,
    since: str | None = strawberry.UNSET,
) -> AsyncGenerator[RecordBatch, None]:
    context, wanted = info.context, (or_none(kinds), or_none(where), or_none(q))
    # Resolving filters may read the database, which is nothing for an event loop.
    filters = await context.services.subscribers.in_thread(filters_of, context, *wanted)
    async with context.services.subscribers.subscribe(filters, or_none(since)) as subscription:
        position = subscription.position
        yield ALIVE
        async for batch in subscription.batches(SILENCE):
            if not batch.records and batch.gap is None:
                yield ALIVE
                continue
            for part in parts_of(batch, position, context.limits.page):
                yield part
            position = batch.position


def parts_of(batch: Batch, before: Position, size: int) -> Iterator[RecordBatch]:
    """The batch in parts of at most `size` records, each with the position after its last one."""
    records, gap = batch.records, batch.gap
    for start in range(0, len(records) - size, size):
        part = records[start : start + size]
        for record in part:
            before = before.advance({record.process_id: record.id})
        yield RecordBatch(position=before.encode(), records=part, gap=_gap(gap))
        gap = None
    rest = records[max(0, (len(records) - 1) // size * size) :]
    yield RecordBatch(position=batch.position.encode(), records=rest, gap=_gap(gap))


def _gap(gap: Gap | None) -> RecordGap | None:
    return (
        None
        if gap is None
        else RecordGap(from_=strawberry.ID(str(gap.from_id)), to=strawberry.ID(str(gap.to_id)))
    )


@object_type
class Subscription:
    """What clients may follow."""

    records = strawberry.subscription(
        resolver=_records,
        description="Records as they come: the first at once, then every 50 ms. With `since`, what came after that position first.",
    )
