"""Live records over one stream: batches, positions, filters, and nothing left behind."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from devtools.errors import UnavailableError
from devtools.graphql import subscription
from devtools.graphql.executor import ServerStops, subscribe
from devtools.records import Level
from devtools.telemetry.subscribers import Position
from tests.graphql.conftest import World

pytestmark = pytest.mark.anyio
RECORDS = """subscription($kinds: [RecordKind!], $filter: RecordFilterInput, $q: String, $since: String) {
    records(kinds: $kinds, filter: $filter, q: $q, since: $since) {
        position gap { from to } records { __typename ... on LogEntry { message } ... on RunRecord { nodeId } }
    }
}"""


@pytest.fixture(autouse=True)
def before(world: World) -> None:
    """Something was recorded before anybody followed; nobody gets that."""
    world.emit("shop.before")


def stream(world: World, query: str = RECORDS, **variables: Any) -> AsyncGenerator[bytes, None]:
    return subscribe(world.request("read"), query, variables)


async def following(results: AsyncGenerator[bytes, None]) -> None:
    """Wait until the stream follows, which it says."""
    async with asyncio.timeout(30):
        assert await anext(results) == b""


async def batch(results: AsyncGenerator[bytes, None]) -> Any:
    async with asyncio.timeout(30):
        found = b""
        while not found:
            found = await anext(results)
        return msgspec.json.decode(found)["data"]["records"]


async def test_records_come_as_they_are_made(world: World) -> None:
    async with aclosing(stream(world)) as results:
        await following(results)
        world.log("one")
        world.run()
        found = await batch(results)
        assert found["records"] == [
            {"__typename": "LogEntry", "message": "one"},
            {"__typename": "RunRecord", "nodeId": "shop.orders.buy"},
        ]
        assert found["gap"] is None
    assert world.subscribers.count == 0


async def test_a_position_goes_on_without_loss_or_repeat(world: World) -> None:
    async with aclosing(stream(world)) as results:
        await following(results)
        world.log("one")
        position = (await batch(results))["position"]
    world.log("two")
    world.log("three")
    async with aclosing(stream(world, since=position)) as results:
        found = await batch(results)
        assert [record["message"] for record in found["records"]] == ["two", "three"]


async def test_only_what_is_asked_for_comes(world: World) -> None:
    async with aclosing(
        stream(world, kinds=["LOG", "RUN"], q="level>=warn", filter={"search": "CARD"})
    ) as results:
        await following(results)
        world.run("shop.card")
        world.log("card accepted", Level.info)
        world.log("cash", Level.error)
        world.log("card declined", Level.error)
        found = await batch(results)
        assert [record["message"] for record in found["records"]] == ["card declined"]


async def test_more_than_fits_comes_in_parts_with_a_position_each(world: World) -> None:
    world.limit(page=10)
    async with aclosing(stream(world)) as results:
        await following(results)
        for number in range(25):
            world.log(f"log {number}")
        parts = [await batch(results)]
        while sum(len(part["records"]) for part in parts) < 25:
            parts.append(await batch(results))
    assert all(len(part["records"]) <= 10 for part in parts)
    assert [record["message"] for part in parts for record in part["records"]] == [
        f"log {number}" for number in range(25)
    ]
    async with aclosing(stream(world, since=parts[0]["position"])) as results:
        found = await batch(results)
        assert found["records"][0]["message"] == f"log {len(parts[0]['records'])}"


async def test_what_was_dropped_is_named(world: World) -> None:
    async with aclosing(stream(world)) as results:
        await following(results)
        world.log("seen")
        position = (await batch(results))["position"]
    for number in range(150):
        world.log(f"log {number}")
    async with aclosing(stream(world, since=position)) as results:
        found = await batch(results)
        assert int(found["gap"]["from"]) < int(found["gap"]["to"])


REFUSED = [
    ({"since": "nonsense"}, "VALIDATION_ERROR"),
    ({"q": "level:loud"}, "VALIDATION_ERROR"),
    ({"kinds": ["RUN"], "q": "level>=warn"}, "VALIDATION_ERROR"),
    ({"kinds": ["PLANET"]}, "VALIDATION_ERROR"),
]


@pytest.mark.parametrize(("variables", "code"), REFUSED)
async def test_what_cannot_be_followed_is_refused_and_ends(
    world: World, variables: dict[str, Any], code: str
) -> None:
    results = [result async for result in stream(world, **variables)]
    (only,) = results
    assert only.startswith(b'{"errors":')
    assert msgspec.json.decode(only)["errors"][0]["extensions"]["code"] == code
    assert world.subscribers.count == 0


async def test_more_followers_than_allowed_are_refused(world: World) -> None:
    world.subscribers.limit = 0
    (only,) = [result async for result in stream(world)]
    assert msgspec.json.decode(only)["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_a_store_that_fails_ends_the_stream_with_its_error(world: World) -> None:
    class Away:
        def page(self, *_: Any) -> Any:
            raise UnavailableError("The database cannot be reached.")

    world.subscribers.history = Away()  # type: ignore[assignment] # a history that fails
    for number in range(150):
        world.log(f"log {number}")
    _, only = [result async for result in stream(world, since=Position(1).encode())]
    assert msgspec.json.decode(only)["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert world.subscribers.count == 0


async def test_stopping_ends_the_stream_which_is_not_complete(world: World) -> None:
    results = stream(world)
    await following(results)
    world.subscribers.stop()
    async with asyncio.timeout(30):
        with pytest.raises(ServerStops):
            await anext(results)


async def test_after_a_silence_there_is_a_sign_of_life(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "SILENCE", 0.01)
    async with aclosing(stream(world)) as results:
        await following(results)
        async with asyncio.timeout(10):
            assert await anext(results) == b""
        world.log("one")
        async with asyncio.timeout(10):
            batches = [found async for found in until_records(results)]
        assert b"one" in batches[-1]


async def until_records(results: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async for found in results:
        yield found
        if found:
            return


async def test_queries_and_mutations_have_one_result(world: World) -> None:
    (only,) = [result async for result in stream(world, "{ live { capacity } }")]
    assert only == b'{"data":{"live":{"capacity":100}}}'
    (only,) = [result async for result in stream(world, "mutation { recording(paused: true) { version } }")]
    assert b"FORBIDDEN" in only
    (only,) = [result async for result in stream(world, "{ nothing }")]
    assert only.startswith(b'{"errors":')


async def test_the_same_limits_hold(world: World) -> None:
    world.limit(aliases=0)
    (only,) = [result async for result in stream(world, "subscription { a: records { position } }")]
    assert b"LIMIT_EXCEEDED" in only
    (only,) = [
        result
        async for result in stream(
            world, "subscription { records { position } records2: records { position } }"
        )
    ]
    assert only.startswith(b'{"errors":')
