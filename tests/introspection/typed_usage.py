"""Decorated things keep their types: checked by pyright in strict mode, never run."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=error

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, TypedDict, assert_type

from devtools.introspection.declarations import (
    Event,
    Handle,
    async_context,
    error,
    event,
    hook,
    resource,
    tag,
    task,
)


class Placed(TypedDict):
    order: int


placed = event("shop.placed", Placed)
started = event("shop.started")
slow = tag("shop.slow", {"ms": 50})
user = async_context("shop.user", ContextVar[str]("user"))
database = resource("shop.database", config={"path": "a.db"}, health=lambda: True)
lost = error("shop.Lost", title="Lost")

assert_type(placed, Event[Placed])
assert_type(started, Event[Any])
assert_type(slow, Handle)
assert_type(user, Handle)
assert_type(database, Handle)
assert_type(lost, Handle)


@error
class Declined(Exception):
    reason: str = ""


@error(id="shop.Gone", data=Placed)
class Gone(Exception):
    reason: str = ""


assert_type(Declined().reason, str)
assert_type(Gone().reason, str)


@task
def bare(item: str, count: int = 1) -> float:
    return float(item) * count


@task(id="shop.buy", tags=[slow], emits=[placed], depends_on=[database], throws=[Declined], contexts=[user])
async def buy(item: str, *, gift: bool = False) -> bytes:
    return item.encode() if gift else b""


@task
def numbers(end: int) -> Iterator[int]:
    yield from range(end)


@task
async def pages(end: int) -> AsyncIterator[str]:
    yield str(end)


assert_type(bare("1"), float)
assert_type(bare("1", count=2), float)
assert_type(numbers(3), Iterator[int])
assert_type(pages(3), AsyncIterator[str])
bare(1)  # pyright: ignore[reportArgumentType]
bare("1", number=2)  # pyright: ignore[reportCallIssue]

kept: Callable[[str], Coroutine[Any, Any, bytes]] = buy


async def use() -> None:
    assert_type(await buy("tea", gift=True), bytes)
    await placed.emit({"order": 1})
    await placed.emit({"order": "1"})  # pyright: ignore[reportArgumentType]
    await started.emit()
    async for page in pages(3):
        assert_type(page, str)


@hook(placed, "shop.other", order=1)
async def mail(payload: Placed) -> None:
    assert_type(payload["order"], int)


@hook("*")
def audit(payload: object) -> None: ...


assert_type(audit(1), None)


class Shop:
    @task
    def method(self, item: str) -> int:
        return len(item)

    @classmethod
    @task
    def make(cls, item: str) -> "Shop":
        return cls()

    @staticmethod
    @task
    def check(item: str) -> bool:
        return bool(item)


assert_type(Shop().method("tea"), int)
assert_type(Shop.make("tea"), Shop)
assert_type(Shop.check("tea"), bool)


@resource
class Cache:
    def __init__(self, size: int) -> None:
        self.size = size


@resource(id="shop.pool", health=lambda: ("degraded", "slow"), depends_on=[database])
class Pool:
    size: int = 3


@resource
def settings(path: str) -> dict[str, int]:
    return {path: 1}


@contextmanager
@resource
def connection(path: str) -> Generator[bytes]:
    yield path.encode()


@asynccontextmanager
@resource(id="shop.session", provides=[user])
async def session() -> AsyncGenerator[int]:
    yield 1


async def check() -> bool:
    return True


checked = resource("shop.checked", health=check)

assert_type(Cache(3).size, int)
assert_type(Pool().size, int)
assert_type(settings("a"), dict[str, int])

with connection("a") as opened:
    assert_type(opened, bytes)


async def enter() -> None:
    async with session() as number:
        assert_type(number, int)
