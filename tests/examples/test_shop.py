"""The shop on its own, with no devtools running: what customers do, and what they are told when it does not work."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from examples.shop import database, stock
from examples.shop.mailer import outbox

Json = Any  # Any: JSON values


async def add(shop: AsyncClient, product: str, quantity: int = 1) -> Response:
    return await shop.post("/cart/lines", json={"product_id": product, "quantity": quantity})


async def check_out(shop: AsyncClient, card: str = "tok_visa") -> Response:
    return await shop.post("/checkout", json={"card": card, "email": "ada@example.com"})


async def available(shop: AsyncClient, product: str) -> int:
    return (await shop.get(f"/products/{product}")).json()["available"]


async def ask(shop: AsyncClient, query: str, **variables: object) -> Json:
    answer = await shop.post("/graphql", json={"query": query, "variables": variables})
    return answer.json()


async def test_customers_browse_and_search(shop: AsyncClient) -> None:
    products = (await shop.get("/products")).json()
    found = (await shop.get("/products", params={"search": "beans"})).json()
    assert len(products) == 11
    assert [product["id"] for product in found] == ["beans-huila", "beans-yirgacheffe"]
    assert (await shop.get("/products/scale")).json()["price_cents"] == 4_200


async def test_a_cart_belongs_to_one_customer(shop: AsyncClient) -> None:
    """The cookie says whose it is; the header wins."""
    await add(shop, "scale")
    await add(shop, "scale", 2)
    other = await shop.get("/cart/", headers={"x-customer": "someone else"})
    assert (await shop.get("/cart/")).json()["lines"] == [
        {"product_id": "scale", "name": "Scale", "quantity": 3, "price_cents": 4_200}
    ]
    assert other.json()["lines"] == []


async def test_a_cart_can_be_emptied(shop: AsyncClient) -> None:
    await add(shop, "scale")
    assert (await shop.delete("/cart/lines")).status_code == 204
    assert (await shop.get("/cart/")).json() == {"lines": [], "total_cents": 0}


async def test_a_checkout_takes_from_the_stock_and_mails_a_receipt(shop: AsyncClient) -> None:
    await add(shop, "moka-pot", 2)
    answer = await check_out(shop)
    order = answer.json()
    assert (answer.status_code, order["status"], order["total_cents"]) == (201, "paid", 6_580)
    assert (await shop.get(f"/orders/{order['id']}")).json() == order
    assert await available(shop, "moka-pot") == 23
    assert (await shop.get("/cart/")).json()["lines"] == []
    recipient, body = outbox.sent[-1]
    assert recipient == "ada@example.com"
    assert "65.80 EUR" in body


async def test_a_declined_payment_changes_nothing(shop: AsyncClient) -> None:
    """The cart is as before, the stock is whole, and another card works."""
    await add(shop, "moka-pot", 2)
    answer = await check_out(shop, "tok_declined")
    assert answer.status_code == 402
    assert answer.json()["error"] == "payment_declined"
    assert await available(shop, "moka-pot") == 25
    assert (await check_out(shop)).status_code == 201


async def test_too_much_money_is_declined(shop: AsyncClient) -> None:
    await add(shop, "lever-machine", 3)
    answer = await check_out(shop)
    assert answer.status_code == 402
    assert "above the limit" in answer.json()["message"]


async def test_a_gateway_that_is_late_is_tried_again(
    shop: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await add(shop, "scale")
    assert (await check_out(shop, "tok_slow")).status_code == 201
    assert "The payment gateway is late" in caplog.text


async def test_what_is_not_in_stock_is_not_sold(shop: AsyncClient) -> None:
    await add(shop, "signed-cookbook", 2)
    answer = await check_out(shop)
    assert (answer.status_code, answer.json()["error"]) == (409, "out_of_stock")
    assert await available(shop, "signed-cookbook") == 1


async def test_what_runs_low_is_restocked_except_the_last_copy(shop: AsyncClient) -> None:
    await add(shop, "lever-machine", 2)
    await check_out(shop)
    await add(shop, "lever-machine", 2)
    await add(shop, "signed-cookbook")
    assert (await check_out(shop)).status_code == 201
    assert await available(shop, "lever-machine") == 22
    assert await available(shop, "signed-cookbook") == 0


@pytest.mark.parametrize("path", ["/products/teapot", "/orders/99", "/nowhere"])
async def test_what_does_not_exist_is_404(shop: AsyncClient, path: str) -> None:
    assert (await shop.get(path)).status_code == 404


async def test_a_product_that_does_not_exist_cannot_be_put_into_the_cart(shop: AsyncClient) -> None:
    answer = await add(shop, "teapot")
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_product")


async def test_an_empty_cart_cannot_be_bought(shop: AsyncClient) -> None:
    answer = await check_out(shop)
    assert (answer.status_code, answer.json()["error"]) == (409, "empty_cart")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/cart/lines", b"no json"),
        ("/cart/lines", b"[]"),
        ("/cart/lines", b'{"product_id": "scale", "quantity": 0}'),
        ("/cart/lines", b'{"product_id": "scale", "quantity": true}'),
        ("/cart/lines", b'{"quantity": 1}'),
        ("/checkout", b'{"card": "tok_visa"}'),
        ("/checkout", b'{"card": "tok_visa", "email": "nobody"}'),
    ],
)
async def test_a_body_that_cannot_be_used_is_400(shop: AsyncClient, path: str, content: bytes) -> None:
    assert (await shop.post(path, content=content)).status_code == 400


async def test_an_order_is_shown_to_its_customer_alone(shop: AsyncClient) -> None:
    await add(shop, "scale")
    order = (await check_out(shop)).json()
    other = await shop.get(f"/orders/{order['id']}", headers={"x-customer": "someone else"})
    assert other.status_code == 404


async def test_graphql_reads_products_and_orders(shop: AsyncClient) -> None:
    await add(shop, "scale")
    order = (await check_out(shop)).json()
    query = 'query ($id: ID!) { products(search: "scale") { id priceCents } order(id: $id) { status } }'
    assert await ask(shop, query, id=str(order["id"])) == {
        "data": {"products": [{"id": "scale", "priceCents": 4_200}], "order": {"status": "paid"}}
    }
    assert await ask(shop, '{ order(id: "x") { status } }') == {"data": {"order": None}}


async def test_graphql_adds_to_the_cart(shop: AsyncClient) -> None:
    mutation = "mutation ($id: ID!) { addToCart(productId: $id, quantity: 2) { quantity totalCents } }"
    added = await ask(shop, mutation, id="scale")
    unknown = await ask(shop, mutation, id="teapot")
    assert added == {"data": {"addToCart": {"quantity": 2, "totalCents": 8_400}}}
    assert unknown["errors"][0]["message"] == "There is no product 'teapot'."


async def test_every_answer_says_how_long_it_took(shop: AsyncClient) -> None:
    answer = await shop.get("/products")
    assert answer.headers["server-timing"].startswith("app;dur=")


async def test_who_follows_the_stock_hears_of_a_sale(shop: AsyncClient) -> None:
    await add(shop, "scale", 2)
    with stock.follow_stock() as changes:
        await check_out(shop)
        assert changes.get_nowait() == stock.StockChanged("scale", 20)


async def test_a_second_start_finds_the_data_of_the_first(shop: AsyncClient) -> None:
    await add(shop, "scale")
    await check_out(shop)
    await database.prepare()
    assert await available(shop, "scale") == 21
    assert len((await shop.get("/products")).json()) == 11
