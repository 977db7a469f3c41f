"""The pages below the prefix of a reverse proxy: nothing is asked outside it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.proxies import Proxy, proxied

from .conftest import PATH, TOKEN, Open, Server
from .test_pages_in_browser import answer, execute

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """It takes `/tools` off; what is asked outside it is 404, and a complaint on the console."""
    with proxied(server.port, "/tools", strips=True) as made:
        yield made


def test_the_pages_stay_below_the_prefix(server: Server, proxy: Proxy, open_page: Open) -> None:
    """First page, its link to GraphiQL, a query, and a subscription over the WebSocket."""
    page = open_page(f"{proxy.base}{PATH}#token={TOKEN}")
    expect(page.locator("[data-state]")).to_contain_text("live")
    server.order(3)
    expect(page.locator('[data-panel="runs"]')).to_contain_text("GET /orders/{number}")
    page.get_by_role("link", name=re.compile("GraphiQL")).first.click()
    expect(page).to_have_url(re.compile(f"^{re.escape(proxy.base + PATH)}/graphiql"))
    execute(page)
    expect(answer(page)).to_contain_text('"runs"')
    page.goto(f"{proxy.base}{PATH}/graphiql?example=records")
    execute(page)
    expect(page.get_by_role("button", name="Stop query")).to_be_visible()
    for number in range(20):
        server.order(number)
    expect(answer(page)).to_contain_text("position")
