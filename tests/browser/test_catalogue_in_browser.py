"""The catalogue, opened from disk in a real browser."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from devtools.introspection.catalogue import page as catalogue
from tests.servers import ROOT

from .accessibility import check_accessibility
from .conftest import DEADLINE, Open, Watch
from .large import large

pytestmark = pytest.mark.browser
SIZES = [(1440, 900), (420, 860)]
PLACE_ORDER = "examples.shop.checkout.place_order"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of the example shop, as the command writes it."""
    file = tmp_path_factory.mktemp("catalogue") / "shop.html"
    command = [
        sys.executable,
        "-m",
        "devtools",
        "catalogue",
        "--entry",
        "examples.shop.app:app",
        "--output",
        str(file),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=DEADLINE)
    return file


@pytest.fixture
def open_file(browser: Browser, watch: Watch) -> Iterator[Open]:
    """Open a file in a fresh profile. The test fails when it asks any origin or complains on the console."""
    contexts = contextlib.ExitStack()

    def open_file(file: Path, *, width: int = 1440, height: int = 900, theme: str = "light") -> Page:
        context = contexts.enter_context(
            browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]  # a plain str
        )
        page = context.new_page()
        page.set_default_timeout(DEADLINE * 1000)
        watch.attach(page)
        page.goto(file.as_uri())
        return page

    yield open_file
    contexts.close()
    assert watch.offences == []
    assert watch.origins == set()


def test_a_search_narrows_the_list(shop: Path, open_file: Open) -> None:
    """By every word, in ids, titles, descriptions and links; the count says how many are left."""
    page = open_file(shop)
    entries = page.locator("main > details:visible")
    all_of_them = entries.count()
    page.get_by_role("searchbox").fill("checkout place_order")
    expect(entries.filter(has_text=PLACE_ORDER)).to_have_count(1)
    assert 0 < entries.count() < all_of_them
    expect(page.get_by_role("status").last).to_have_text(f"{entries.count()} of {all_of_them} elements")
    page.get_by_label("Kind").select_option("event")
    expect(entries.filter(has_text=PLACE_ORDER)).to_have_count(0)


def test_a_node_of_the_map_leads_to_what_is_around_it(shop: Path, open_file: Open) -> None:
    """Its links navigate further, the address says where one is, and back leads back."""
    page = open_file(shop)
    page.get_by_role("link", name=f"task {PLACE_ORDER}").click()
    chosen = page.get_by_role("complementary")
    expect(chosen.get_by_role("heading")).to_have_text(PLACE_ORDER)
    assert f"id={PLACE_ORDER}" in page.url
    expect(page.locator("svg a")).not_to_have_count(0)
    around = set(
        page.locator("svg a").evaluate_all("nodes => nodes.map(node => node.getAttribute('aria-label'))")
    )
    assert {"task POST /checkout", "task examples.shop.payment.charge_card"} <= around
    assert "task GET /products" not in around
    chosen.get_by_role("link", name="examples.shop.payment.charge_card").first.click()
    expect(chosen.get_by_role("heading")).to_have_text("examples.shop.payment.charge_card")
    page.go_back()
    expect(chosen.get_by_role("heading")).to_have_text(PLACE_ORDER)
    page.get_by_role("link", name="Whole map").click()
    expect(chosen.get_by_role("heading")).to_have_text("Legend")


def test_each_map_shows_its_links(shop: Path, open_file: Open) -> None:
    """An event stands between what emits it and what hears it."""
    page = open_file(shop)
    for lens, expected in (
        ("events", f"{PLACE_ORDER} emits shop.order_placed"),
        ("dependencies", "POST /checkout"),
        ("middleware", "examples.shop.middleware.RequestTiming"),
    ):
        page.get_by_role("radio", name=lens).check()
        expect(page.locator(".map path.link title", has_text=expected).first).to_be_attached()


def test_the_map_is_walked_by_keyboard(shop: Path, open_file: Open) -> None:
    """One node is in the order of the tab key; arrows go to its neighbours, Enter chooses."""
    page = open_file(shop)
    focused = "document.activeElement.getAttribute('aria-label')"
    page.locator("svg a[tabindex='0']").focus()
    first = page.evaluate(focused)
    page.keyboard.press("ArrowRight")
    second = page.evaluate(focused)
    assert second not in {None, first}
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    kind, _, identifier = page.evaluate(focused).partition(" ")
    assert kind
    expect(page.get_by_role("complementary").get_by_role("heading")).to_have_text(identifier)


@pytest.mark.slow
def test_two_thousand_elements_stay_usable(tmp_path: Path, open_file: Open) -> None:
    """The map folds them into groups that open; the list has them all, and a search of it takes no time to speak of."""
    file = tmp_path / "large.html"
    file.write_text(catalogue(large(), title="service", subtitle="2,001 elements"), encoding="utf-8")
    page = open_file(file)
    assert 20 < page.locator("svg a").count() <= 120
    page.get_by_role("link", name="10 of kind task in service.area_20").click()
    expect(page.locator("svg a[aria-current]")).to_have_count(10)
    page.get_by_role("searchbox").fill("area_17.done_3")
    expect(page.locator("main > details:visible", has_text="service.area_17.done_3").first).to_be_visible()
    assert file.stat().st_size < 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_fits_every_size_and_theme(
    shop: Path, open_file: Open, tmp_path: Path, width: int, height: int, theme: str
) -> None:
    """No sideways scrolling of the page, no WCAG violation, whole and with an element chosen. A person looks at the pictures."""
    page = open_file(shop, width=width, height=height, theme=theme)
    pictures = Path(os.environ.get("DEVTOOLS_TEST_PICTURES", tmp_path))
    page.screenshot(path=pictures / f"catalogue-{theme}-{width}.png")
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    check_accessibility(page)
    page.evaluate(f"location.hash = 'id=' + encodeURIComponent({json.dumps(PLACE_ORDER)})")
    expect(page.locator("svg a[aria-current]")).to_have_count(1)
    page.screenshot(path=pictures / f"catalogue-chosen-{theme}-{width}.png")
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    check_accessibility(page)
