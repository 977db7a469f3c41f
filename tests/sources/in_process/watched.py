"""What the tests of every source of SQL share: an app that is asked with devtools in it, and what was recorded of that."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from devtools import DevTools
from devtools.records import Error, NodeKind, Record, Run

TOKEN = "t" * 43
LINKS = "{ all { id observedLinks { relation id count declared } } }"
LISTS = """{ compatible: live { runs { nodeKind } }
             all: live { runs(filter: {nodeKinds: [QUERY]}) { nodeKind } } }"""


class Watched:
    """An app, mounted or wrapped."""

    def __init__(self, devtools: DevTools, app: Any) -> None:
        self.devtools = devtools
        self.app = app

    def get(self, path: str, method: str = "GET", **options: Any) -> httpx.Response:
        """What the app answers."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, timeout=60, **options)

        return asyncio.run(ask())

    def ask(self, query: str) -> Any:
        """What GraphQL answers."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = self.get("/devtools/graphql", "POST", json={"query": query}, headers=headers).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def kept(self, kind: type[Record]) -> list[Any]:
        """The records in memory, oldest first."""
        runtime = self.devtools._runtime
        assert runtime is not None
        return list(runtime.recorder.rings.of(kind).snapshot())

    @property
    def queries(self) -> list[Run]:
        """The statements that were recorded."""
        return [run for run in self.kept(Run) if run.node_kind is NodeKind.QUERY]

    @property
    def names(self) -> list[str]:
        """What they are called."""
        return [run.node_id for run in self.queries]

    @property
    def errors(self) -> list[Error]:
        """The errors that were recorded."""
        return self.kept(Error)

    def links(self) -> dict[str, set[tuple[str, str, int, bool]]]:
        """What each element was seen to do."""
        runtime = self.devtools._runtime
        assert runtime is not None
        runtime.inspect(self.devtools._app)
        runtime.inspected(30)
        return {
            element["id"]: {
                (link["relation"], link["id"], link["count"], link["declared"])
                for link in element["observedLinks"]
            }
            for element in self.ask(LINKS)["all"]
            if element["observedLinks"]
        }


@contextmanager
def watched(app: Any, **settings: Any) -> Iterator[Watched]:
    """The app with devtools around it."""
    with DevTools(token=TOKEN, app="orders", **settings) as devtools:
        yield Watched(devtools, devtools.wrap(app))


def attributes(run: Run) -> Any:
    """What is told of a run beside its name."""
    return json.loads(run.attributes or "null")
