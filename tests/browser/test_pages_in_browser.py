"""The pages as a person meets them: first page, GraphiQL, token, plain client, both themes, both sizes."""

import os
import re
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.servers import TOKEN as SERVERS_TOKEN
from tests.servers import Server as ToyServer
from tests.servers import free_port, release_port, running, toy

from .accessibility import check_accessibility
from .conftest import TOKEN, Open, Server, Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REFUSED = "status of 401"
SIZES = [(1440, 900), (420, 860)]
ROUTES = ["", "graphiql"]


KEPT_TAB = """text => {
    const kept = JSON.parse(localStorage.getItem("graphiql:tabState") ?? "null");
    return kept?.tabs[kept.activeTabIndex]?.query?.includes(text);
}"""
COUNTED = """least => Object.entries(least).every(([kind, count]) => {
    const tile = document.querySelector(`[data-tile="${kind}"] .tile-value`);
    return tile !== null && Number(tile.textContent.replace(/\\D/g, '')) >= count;
})"""


def kept(page: Page, kind: str) -> int:
    """The count on a tile of the first page."""
    text = page.locator(f'[data-tile="{kind}"] .tile-value').inner_text()
    return int(re.sub(r"\D", "", text))


def await_counts(page: Page, **least: int) -> None:
    """Wait until each of these tiles shows at least so many."""
    page.wait_for_function(COUNTED, arg=least)


def token_kept(page: Page) -> str | None:
    return page.evaluate("localStorage.getItem('devtools.token')")


def execute(page: Page) -> None:
    """Press GraphiQL's button once its editor has its text."""
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("{")
    page.locator(".graphiql-execute-button").click()


def answer(page: Page) -> Locator:
    return page.locator(".graphiql-response .view-lines")


def test_the_first_page_counts_what_the_app_does(server: Server, open_page: Open) -> None:
    """The counts rise after a request, without a reload."""
    kinds = ("run", "log", "emission")
    server.order()
    page = open_page(server.url())
    await_counts(page, **dict.fromkeys(kinds, 1))
    before = {kind: kept(page, kind) for kind in kinds}
    for number in range(5):
        server.order(number)
    await_counts(page, **{kind: count + 5 for kind, count in before.items()})
    expect(page.locator('[data-panel="runs"]')).to_contain_text("GET /orders/{number}")
    expect(page.locator('[data-panel="logs"]')).to_contain_text("order 4 placed")
    for tile in ("error", "memory", "cpu", "lag", "health"):
        expect(page.locator(f'[data-tile="{tile}"] .tile-value')).not_to_be_empty()


def test_the_first_page_says_which_store_and_structure_are_in_use(server: Server, open_page: Open) -> None:
    """Nothing falls back in silence: memory or file, and why; live, restored or empty."""
    page = open_page(server.url())
    expect(page.locator('[data-notice="store"]')).to_contain_text("In memory")
    expect(page.locator('[data-notice="structure"]')).to_contain_text(
        re.compile("Structure (live|restored|empty)")
    )


def test_an_error_is_shown_with_its_message(server: Server, open_page: Open) -> None:
    """Type and message stand on the first page, not only a count."""
    assert httpx.get(f"{server.origin}/declined").status_code == 500
    page = open_page(server.url())
    expect(page.locator('[data-panel="errors"]')).to_contain_text("✕ ValueError: card declined")
    expect(page.locator('[data-tile="error"] .tile-value')).to_contain_text("✕")


def test_a_refused_request_is_neither_a_failure_nor_a_success(server: Server, open_page: Open) -> None:
    """4xx is not shown in the colour of what went well."""
    httpx.get(f"{server.origin}/nowhere")
    page = open_page(server.url())
    row = page.locator('[data-panel="runs"] tbody tr', has_text="404").first
    expect(row.locator(".outcome")).to_have_text("▲ ok 404")
    expect(row.locator(".outcome")).to_have_class("outcome warn-text")
    expect(row.locator(".text")).to_have_text("task GET /nowhere")


def test_what_only_reads_says_so(tmp_path: Path, web_files: Path, open_page: Open) -> None:
    """`devtools serve` shows what an app stored: no memory or processor, which would be its own."""
    database = f"sqlite:///{tmp_path}/stored.db"
    with toy(tmp_path, TOY_DATABASE=database) as app:
        app.get("/stock/1")
        app.await_that("{ activeSnapshot { version } }", lambda data: data["activeSnapshot"])
    port = free_port()
    command = [sys.executable, "-m", "devtools", "serve", "--database", database, "--port", str(port)]
    with running(command, port=port, cwd=tmp_path, mount="") as reader:
        page = open_page(f"{reader.base}/#token={SERVERS_TOKEN}")
        await_counts(page, run=1)
        expect(page.locator("[data-state]")).to_have_text("● read-only")
        expect(page.locator('[data-notice="structure"]')).to_contain_text(
            "this server reads what the app stored"
        )
        assert page.locator('[data-tile="memory"], [data-tile="cpu"], [data-tile="health"]').count() == 0
        whole, last = page.locator(".tiles").bounding_box(), page.locator(".tile").last.bounding_box()
        assert whole is not None
        assert last is not None
        assert whole["x"] + whole["width"] - last["x"] - last["width"] < 3, "the tiles fill their row"


def test_hostile_text_stays_text(server: Server, open_page: Open) -> None:
    """Markup in a log line is shown, never obeyed."""
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    httpx.post(f"{server.origin}/say", content=hostile)
    page = open_page(server.url())
    expect(page.locator('[data-panel="logs"]')).to_contain_text(hostile)
    assert page.locator("[data-panel] img, [data-panel] script").count() == 0


def test_colours_of_a_terminal_are_left_out(server: Server, open_page: Open) -> None:
    """As Werkzeug logs its requests."""
    httpx.post(f"{server.origin}/say", content="\x1b[35m\x1b[1mGET /coloured\x1b[0m done")
    page = open_page(server.url())
    expect(page.locator('[data-panel="logs"]')).to_contain_text("GET /coloured done")


def test_the_token_leaves_the_address_bar_and_is_kept(server: Server, open_page: Open) -> None:
    """A link with a token works once and is not left where others can read it."""
    page = open_page(server.url())
    expect(page.locator("[data-state]")).to_contain_text("live")
    assert "token" not in page.url
    assert token_kept(page) == TOKEN
    page.goto(server.url("graphiql", token=False))
    expect(page.locator(".graphiql-query-editor")).to_be_visible()
    page.goto(server.url(token=False))
    expect(page.locator("[data-state]")).to_contain_text("live")


def test_without_a_token_the_page_asks_and_can_forget(server: Server, open_page: Open, watch: Watch) -> None:
    """Missing, wrong, right; forgotten, nothing of what was read with it stays."""
    server.order()
    watch.allowed = (REFUSED,)
    page = open_page(server.url(token=False))
    gate = page.get_by_role("form", name="Token needed")
    expect(gate).to_be_visible()
    gate.locator("input").fill("wrong")
    gate.get_by_role("button").click()
    expect(gate).to_contain_text("refused")
    gate.locator("input").fill(TOKEN)
    gate.get_by_role("button").click()
    expect(page.locator("[data-state]")).to_contain_text("live")
    expect(gate).to_be_hidden()
    expect(page.locator('[data-panel="runs"] tbody tr').first).to_be_visible()
    page.get_by_role("button", name="Forget token").click()
    expect(gate).to_be_visible()
    expect(page.locator("[data-tile], [data-panel]")).to_have_count(0)
    assert token_kept(page) is None


def test_graphiql_asks_for_a_token_and_then_knows_the_schema(
    server: Server, open_page: Open, watch: Watch
) -> None:
    """Both pages share the token and the way to ask for it."""
    watch.allowed = (REFUSED,)
    page = open_page(server.url("graphiql", token=False))
    gate = page.get_by_role("form", name="Token needed")
    gate.locator("input").fill(TOKEN)
    gate.get_by_role("button").click()
    execute(page)
    expect(answer(page)).to_contain_text('"data"')


def test_graphiql_forgets_what_it_loaded_with_the_token(
    server: Server, open_page: Open, watch: Watch
) -> None:
    """Neither the answer nor the schema stays on the screen, and the answer is not there with the next token."""
    watch.allowed = (REFUSED,)
    page = open_page(server.url("graphiql"))
    execute(page)
    expect(answer(page)).to_contain_text('"runs"')
    page.get_by_role("button", name="Forget token").click()
    gate = page.get_by_role("form", name="Token needed")
    expect(gate).to_be_visible()
    expect(page.locator(".graphiql-container")).to_have_count(0)
    gate.locator("input").fill(TOKEN)
    gate.get_by_role("button").click()
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("{")
    expect(page.locator(".graphiql-response")).to_be_visible()
    expect(answer(page)).not_to_contain_text('"runs"')


def test_the_tab_that_was_open_last_comes_back_with_its_text(server: Server, open_page: Open) -> None:
    """Opened by a link before, asked for by nothing now; and variables of one tab stay with it."""
    page = open_page(server.url('graphiql?query=query($n:Int){live{runs(last:$n){name}}}&variables={"n":1}'))
    query = page.locator(".graphiql-query-editor .view-lines")
    expect(query).to_contain_text("$n:Int")
    page.goto(server.url("graphiql?example=snapshots", token=False))
    expect(query).to_contain_text("snapshots")
    page.wait_for_function(KEPT_TAB, arg="snapshots")
    assert page.evaluate("localStorage.getItem('graphiql:variables')") is None
    page.evaluate("localStorage.removeItem('graphiql:query')")
    page.goto(server.url("graphiql", token=False))
    expect(query).to_contain_text("snapshots")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("Snapshots")


def test_graphiql_runs_the_first_example(server: Server, open_page: Open) -> None:
    """The examples stand in tabs; the first one answers without an edit."""
    server.order()
    page = open_page(server.url("graphiql"))
    for title in ("Live", "History", "Structure", "Snapshots", "Records"):
        expect(page.get_by_role("tab").filter(has_text=title)).to_be_visible()
    execute(page)
    expect(answer(page)).to_contain_text('"runs"')
    expect(answer(page)).not_to_contain_text('"errors": [\n    {\n      "message"')


def test_graphiql_follows_a_subscription(server: Server, open_page: Open) -> None:
    """New records arrive over the WebSocket while the app works."""
    page = open_page(server.url("graphiql?example=records"))
    execute(page)
    expect(page.get_by_role("button", name="Stop query")).to_be_visible()
    with server.busy():
        expect(answer(page)).to_contain_text("position")
    page.get_by_role("button", name="Stop query").click()
    expect(page.get_by_role("button", name="Execute query")).to_be_visible()


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_graphiql_goes_on_when_its_server_is_back(
    tmp_path: Path, web_files: Path, open_page: Open, watch: Watch, ending: str
) -> None:
    """A subscription that was open when the server ended, in whatever way, has the records of the next one without a click."""
    watch.allowed = ("WebSocket connection to", "Failed to load resource")
    port = free_port()
    with toy(tmp_path, port=port) as server:
        page = open_page(f"{server.base}/devtools/graphiql?example=records#token={SERVERS_TOKEN}")
        execute(page)
        await_greeting(page, server, "before")
        getattr(server, ending)()
        release_port(port)
        page.wait_for_timeout(2_500)
        with toy(tmp_path, port=port) as next_server:
            await_greeting(page, next_server, "after")


def await_greeting(page: Page, server: ToyServer, name: str) -> None:
    """Greet until the page shows it: a subscription that has just been opened has what comes from then on."""
    for _ in range(60):
        server.get(f"/hello/{name}")
        page.wait_for_timeout(500)
        if f"greeting {name}" in answer(page).inner_text().replace("\xa0", " "):
            return
    raise AssertionError(f"no greeting of {name!r}: {answer(page).inner_text()}")


def test_graphiql_opens_the_query_of_the_address(server: Server, open_page: Open) -> None:
    """Every view is a link: query and variables can be sent to somebody, and the answer is there at once."""
    server.order()
    page = open_page(server.url('graphiql?query=query($n:Int){live{runs(last:$n){name}}}&variables={"n":1}'))
    expect(answer(page)).to_contain_text('"runs"')


def test_a_link_changes_nothing_by_itself(server: Server, open_page: Open) -> None:
    """A mutation in the address waits for a person."""
    page = open_page(server.url("graphiql?query=mutation{recording(paused:true){recording}}"))
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("paused")
    expect(page.get_by_role("button", name="Execute query")).to_be_visible()
    with page.expect_response("**/graphql"):  # the schema, which is asked for after the editors are there
        page.get_by_role("button", name="Re-fetch GraphQL schema").click()
    expect(answer(page)).to_have_text("")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_run_leads_to_its_trace(server: Server, open_page: Open, width: int, height: int) -> None:
    """From the first page to everything of one request, without another click, also where the page is narrow."""
    server.order()
    page = open_page(server.url(), width=width, height=height)
    page.locator('[data-panel="runs"] tbody tr a').first.click()
    expect(answer(page)).to_contain_text('"place_order"')


def test_a_closed_example_can_be_opened_again(server: Server, open_page: Open) -> None:
    """The examples are also in a panel of their own."""
    page = open_page(server.url("graphiql"))
    page.get_by_role("button", name="Show Examples").click()
    page.locator(".examples").get_by_role("button", name="snapshots").click()
    execute(page)
    expect(answer(page)).to_contain_text('"snapshots"')


def test_a_plain_client_stands_in_for_graphiql(server: Server, open_page: Open, watch: Watch) -> None:
    """When the large chunk cannot be loaded there is still a text area that works."""
    watch.allowed = ("Failed to load resource", "preload", "dynamically imported module")
    page = open_page(server.url())
    page.route("**/assets/Explorer-*.js", lambda route: route.abort())
    page.goto(server.url("graphiql?example=live", token=False))
    expect(page.locator("main")).to_contain_text("GraphiQL could not be loaded")
    page.locator('[data-part="run"]').click()
    expect(page.locator('[data-part="answer"]')).to_contain_text('"runs"')


@pytest.mark.parametrize("route", ROUTES)
def test_without_web_files_the_plain_client_works(bare_server: Server, open_page: Open, route: str) -> None:
    """Query, example, variables, error in the variables, subscription."""
    bare_server.order()
    page = open_page(bare_server.url(route))
    expect(page.locator("main")).to_contain_text("make web")
    page.locator('[data-part="run"]').click()
    expect(page.locator('[data-part="answer"]')).to_contain_text('"runs"')
    expect(page.locator('[data-part="state"]')).to_contain_text("✓ answered")
    page.locator('[data-part="examples"]').select_option(label="snapshots")
    page.keyboard.press("Control+Enter")
    expect(page.locator('[data-part="answer"]')).to_contain_text('"snapshots"')
    page.locator('[data-part="variables"]').fill("[1]")
    page.locator('[data-part="run"]').click()
    expect(page.locator('[data-part="answer"]')).to_contain_text("must be one JSON object")
    page.locator('[data-part="variables"]').fill("")
    page.locator('[data-part="query"]').fill("subscription { nothing }")
    page.locator('[data-part="run"]').click()
    expect(page.locator('[data-part="state"]')).to_contain_text("✕ answered with errors")
    expect(page.locator('[data-part="run"]')).to_have_text("Run")
    page.locator('[data-part="examples"]').select_option(label="records")
    page.locator('[data-part="run"]').click()
    expect(page.locator('[data-part="run"]')).to_have_text("Stop")
    with bare_server.busy():
        expect(page.locator('[data-part="state"]')).to_contain_text(re.compile(r"live, \d+ received"))
        expect(page.locator('[data-part="answer"]')).to_contain_text('"position"')
    page.locator('[data-part="run"]').click()
    expect(page.locator('[data-part="state"]')).to_contain_text("ended")


def test_the_plain_client_asks_for_a_token(bare_server: Server, open_page: Open, watch: Watch) -> None:
    """The same token in the same place as on the built pages."""
    watch.allowed = (REFUSED,)
    page = open_page(bare_server.url(token=False))
    page.locator('[data-part="run"]').click()
    gate = page.locator('[data-part="gate"]')
    expect(gate).to_be_visible()
    page.locator('[data-part="token"]').fill(TOKEN)
    gate.get_by_role("button").click()
    expect(page.locator('[data-part="answer"]')).to_contain_text('"runs"')
    expect(gate).to_be_hidden()
    assert token_kept(page) == TOKEN
    page.locator('[data-part="forget"]').click()
    expect(gate).to_be_visible()
    expect(page.locator('[data-part="answer"]')).to_be_empty()
    assert token_kept(page) is None


def test_a_lost_server_is_said_and_found_again(own_server: Server, open_page: Open, watch: Watch) -> None:
    """The figures stay, a banner says that they are old, and the page goes on when the server is back."""
    watch.allowed = ("Failed to load resource",)
    own_server.order()
    page = open_page(own_server.url())
    expect(page.locator("[data-state]")).to_contain_text("live")
    own_server.stop()
    expect(page.locator('[data-notice="lost"]')).to_be_visible()
    expect(page.locator('[data-tile="run"]')).to_be_visible()
    expect(page.locator('[data-notice="structure"]')).to_contain_text("Structure was live")
    expect(page.locator('[data-tile="health"]')).to_contain_text("was healthy")
    expect(page.locator('[data-panel="health"]')).to_contain_text("was healthy")
    own_server.start()
    expect(page.locator("[data-state]")).to_contain_text("live")
    expect(page.locator('[data-notice="lost"]')).to_be_hidden()
    expect(page.locator('[data-notice="structure"]')).not_to_contain_text("was")
    expect(page.locator('[data-tile="health"]')).to_contain_text("✓ healthy")


def test_a_part_that_fails_leaves_the_rest(server: Server, open_page: Open) -> None:
    """With a broken store the counts cannot be told; what goes on now is still shown, and what is wrong is said."""
    server.order(7)
    page = open_page("about:blank")

    def answer(route: Route) -> None:
        if "OverviewCounts" in (route.request.post_data or ""):
            route.fulfill(json={"data": None, "errors": [{"message": "the database cannot be used now"}]})
        else:
            route.continue_()

    page.route("**/graphql", answer)
    page.goto(server.url())
    expect(page.locator('[data-notice="errors"]')).to_contain_text("the database cannot be used now")
    expect(page.locator('[data-panel="logs"]')).to_contain_text("order 7 placed")
    expect(page.locator('[data-tile="memory"]')).to_be_visible()
    expect(page.locator('[data-notice="store"]')).to_be_visible()
    assert page.locator('[data-tile="run"]').count() == 0


def test_a_paused_page_asks_nothing(server: Server, open_page: Open) -> None:
    """Paused figures stand still, however long, until they are resumed."""
    page = open_page("about:blank")
    page.clock.install()
    page.goto(server.url())
    expect(page.locator('[data-tile="run"]')).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-state]")).to_contain_text("paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(60_000)
    page.evaluate("1")
    assert asked == []
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("[data-state]")).to_contain_text("live")
    assert asked


def test_the_chosen_theme_is_kept_on_both_pages(server: Server, open_page: Open) -> None:
    """Dark chosen on a light machine stays dark, in GraphiQL too."""
    page = open_page(server.url())
    page.get_by_label("Theme").select_option("dark")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(background)
    page.goto(server.url("graphiql", token=False))
    expect(page.locator("body")).to_have_class(re.compile("graphiql-dark"))
    assert page.evaluate(background) == dark


def test_graphiql_follows_the_theme_of_the_system(server: Server, open_page: Open) -> None:
    """Its editors too, when the system goes from day to night while the page is open."""
    page = open_page(server.url("graphiql"))
    editor = page.locator(".graphiql-query-editor .view-lines .mtk1").first
    # The editor draws its lines anew meanwhile: one that is no longer on the page has no colour.
    page.emulate_media(color_scheme="light")
    expect(page.locator("body")).to_have_class(re.compile("graphiql-light"))
    by_day = page.wait_for_function(
        """() => {
            const line = document.querySelector(".graphiql-query-editor .view-lines .mtk1")
            return line && getComputedStyle(line).color
        }"""
    ).json_value()
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_class(re.compile("graphiql-dark"))
    expect(editor).to_have_css("color", re.compile(r"rgb\("))
    expect(editor).not_to_have_css("color", by_day)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("built", [True, False], ids=["built", "plain"])
def test_every_page_fits_every_size_and_theme(
    request: pytest.FixtureRequest,
    open_page: Open,
    tmp_path: Path,
    route: str,
    width: int,
    height: int,
    theme: str,
    built: bool,
) -> None:
    """No sideways scrolling, no WCAG violation, nothing on the console, nothing from elsewhere. A person looks at the pictures."""
    server: Server = request.getfixturevalue("server" if built else "bare_server")
    server.order()
    page = open_page(server.url(route), width=width, height=height, theme=theme)
    settled = {
        ("", True): '[data-panel="runs"] tbody tr',
        ("graphiql", True): ".graphiql-query-editor .view-line",
    }
    expect(page.locator(settled.get((route, built), '[data-part="query"]')).first).to_be_visible()
    pictures = Path(os.environ.get("DEVTOOLS_TEST_PICTURES", tmp_path))
    name = f"{route or 'overview'}-{'built' if built else 'plain'}-{theme}-{width}.png"
    page.screenshot(path=pictures / name, full_page=True)
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    if (route, built) == ("graphiql", True):
        page.wait_for_function("document.documentElement.scrollHeight <= innerHeight")
    check_accessibility(page)
