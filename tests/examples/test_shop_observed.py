"""The shop with devtools mounted: one checkout is followed from the request to the receipt by its correlation id."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient
from starlette.applications import Starlette

from devtools import mount

from .conftest import client_of

TOKEN = "a-token-for-the-tests-of-the-shop"
TRACE = "0af7651916cd43dd8448eb211c80319c"

Json = Any  # Any: JSON values

EVERYTHING = """
query Followed($ids: [String!]) {
  live {
    runs(filter: {correlationIds: $ids}) { nodeId nodeKind ok error parentId runId parentRunId correlationId }
    emissions(filter: {correlationIds: $ids}) { eventId emitterId payload }
    logs(filter: {correlationIds: $ids}) { level message sourceId }
    errors(filter: {correlationIds: $ids}) { message sourceId sourceKind }
  }
}
"""


@pytest.fixture(params=["memory", "sqlite"])
async def shop(app: Starlette, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AsyncClient]:
    """A client of the shop with devtools mounted."""
    database = f"sqlite:///{tmp_path / 'devtools.db'}" if request.param == "sqlite" else None
    mount(app, app="examples.shop.app", database=database, token=TOKEN, log_level="info")
    async with client_of(app) as client:
        yield client


async def ask(shop: AsyncClient, query: str, **variables: object) -> Json:
    """What devtools answers."""
    answer = await shop.post(
        "/devtools/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {TOKEN}"},
    )
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]


async def check_out(shop: AsyncClient, card: str) -> Json:
    """Everything that devtools has of one checkout with this card."""
    await shop.post("/cart/lines", json={"product_id": "scale"})
    await shop.post(
        "/checkout",
        json={"card": card, "email": "ada@example.com"},
        headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
    )
    return (await ask(shop, EVERYTHING, ids=[TRACE]))["live"]


def parents(live: Json) -> set[tuple[str, str | None]]:
    """Who called whom, by the last part of their names."""
    names = {run["runId"]: run["nodeId"].rpartition(".")[2] for run in live["runs"]}
    return {(names[run["runId"]], names.get(run["parentRunId"])) for run in live["runs"]}


async def test_a_checkout_is_followed_by_its_correlation_id(shop: AsyncClient) -> None:
    """Request, tasks, hooks and the background task, each under what called it."""
    live = await check_out(shop, "tok_visa")
    assert parents(live) == {
        ("POST /checkout", None),
        ("place_order", "POST /checkout"),
        ("view_cart", "place_order"),
        ("empty_cart", "place_order"),
        ("reserve_stock", "place_order"),
        ("charge_card", "place_order"),
        ("adjust_stock", "charge_card"),
        ("publish_change", "adjust_stock"),
        ("restock_when_low", "adjust_stock"),
        ("write_receipt", "place_order"),
        ("log_large_order", "place_order"),
        ("mail_receipt", "POST /checkout"),
    }
    assert all(run["ok"] for run in live["runs"])
    assert {run["nodeKind"] for run in live["runs"]} == {"TASK", "HOOK"}
    assert live["errors"] == []


async def test_its_emissions_and_logs_have_the_same_correlation_id(shop: AsyncClient) -> None:
    live = await check_out(shop, "tok_visa")
    assert [entry["eventId"] for entry in live["emissions"]] == [
        "shop.payment_captured",
        "shop.stock_changed",
        "shop.order_placed",
        "shop.receipt_sent",
    ]
    assert live["emissions"][0]["emitterId"] == "examples.shop.payment.charge_card"
    assert '"amount_cents":4200' in live["emissions"][0]["payload"].replace(" ", "")
    assert [entry["sourceId"] for entry in live["logs"]] == [
        "examples.shop.payment",
        "examples.shop.checkout",
        "examples.shop.mailer",
    ]


async def test_a_declined_payment_is_exactly_one_error(shop: AsyncClient) -> None:
    """Recorded where it was raised; the tasks failed, the request, which answered 402, did not."""
    live = await check_out(shop, "tok_declined")
    assert [(error["sourceId"], error["sourceKind"]) for error in live["errors"]] == [
        ("examples.shop.payment.charge_card", "TASK")
    ]
    assert "insufficient funds" in live["errors"][0]["message"]
    failed = {run["nodeId"].rpartition(".")[2] for run in live["runs"] if not run["ok"]}
    assert failed == {"charge_card", "place_order"}
    assert live["emissions"] == []
    assert [entry["level"] for entry in live["logs"]] == ["warn"]


async def test_a_late_gateway_is_one_error_and_one_line_though_the_order_is_paid(shop: AsyncClient) -> None:
    live = await check_out(shop, "tok_slow")
    assert ["no answer" in error["message"] for error in live["errors"]] == [True]
    assert [entry["level"] for entry in live["logs"]] == ["error", "info", "info", "info"]
    assert all(run["ok"] for run in live["runs"])


async def test_a_path_that_does_not_exist_is_unmatched(shop: AsyncClient) -> None:
    await shop.get("/wp-login.php", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    live = (await ask(shop, EVERYTHING, ids=[TRACE]))["live"]
    assert [(run["nodeId"], run["ok"]) for run in live["runs"]] == [("unmatched", True)]


async def test_the_shop_answers_with_the_correlation_id(shop: AsyncClient) -> None:
    answer = await shop.get("/products", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    assert answer.headers["x-correlation-id"] == TRACE


async def health(shop: AsyncClient) -> dict[str, str]:
    """The state of each resource, as soon as the app has been inspected."""
    report = None
    async with asyncio.timeout(60):
        while report is None:
            answer = await ask(shop, "{ live { healthReport { report { id status } } } }")
            report = answer["live"]["healthReport"]
    return {entry["id"]: entry["status"] for entry in report["report"]}


async def test_the_resources_say_how_they_are(shop: AsyncClient) -> None:
    """Database, gateway and mailer."""
    states = await health(shop)
    assert states["shop.database"] == states["shop.mailer"] == states["shop.payment_gateway"] == "healthy"


async def test_a_gateway_that_is_late_twice_is_degraded(shop: AsyncClient) -> None:
    await check_out(shop, "tok_slow")
    await check_out(shop, "tok_slow")
    assert (await health(shop))["shop.payment_gateway"] == "degraded"


async def test_the_structure_is_served(shop: AsyncClient) -> None:
    """Who emits an event and which hooks hear of it, in the order in which they run."""
    query = '{ event(id: "shop.order_placed") { emittedBy listenedToBy } }'
    found = None
    async with asyncio.timeout(60):
        while found is None:
            found = (await ask(shop, query))["event"]
    assert found["emittedBy"] == ["examples.shop.checkout.place_order"]
    assert found["listenedToBy"] == [
        "examples.shop.mailer.write_receipt",
        "examples.shop.mailer.log_large_order",
    ]
