"""The pages: built files where they exist, small ones made by the server where they do not."""

import gzip
import html
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from graphql import parse, validate
from starlette.applications import Starlette
from starlette.routing import Mount

from devtools.graphql.schema import schema
from devtools.server import pages

WEB_SOURCES = Path(__file__).parents[2] / "web" / "src"
QUERIES = sorted([*pages.EXAMPLES.glob("*.graphql"), *WEB_SOURCES.rglob("*.graphql")])
SCRIPT = b"console.log('overview');" * 50
Open = Callable[[Path | None], AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def open_client(web_directory: Path | None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that has the pages below a mount path, as users have them."""
    app = Starlette(routes=[Mount("/x/devtools", routes=pages.page_routes(web_directory))])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A built web directory in small: two pages, one compressed script, and things that must never be served."""
    directory = tmp_path / "web"
    assets = directory / "assets"
    assets.mkdir(parents=True)
    (directory / "index.html").write_text("<!doctype html><title>built overview</title>")
    (directory / "graphiql.html").write_text("<!doctype html><title>built graphiql</title>")
    (assets / "index-abc.js").write_bytes(SCRIPT)
    (assets / "index-abc.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "index-abc.js.br").write_bytes(b"brotli bytes")
    (assets / "plain-abc.css").write_text("body{}")
    (assets / ".hidden.js").write_text("hidden")
    (assets / "notes.txt").write_text("not a web file")
    (tmp_path / "secret.js").write_text("outside")
    (assets / "link.js").symlink_to(tmp_path / "secret.js")
    return directory


@pytest.mark.parametrize("path", ["", "graphiql"])
async def test_without_built_files_both_pages_are_a_plain_client(path: str) -> None:
    """A source checkout without npm still has a GraphQL client, and says how to get the real pages."""
    async with open_client(None) as client:
        response = await client.get(f"/x/devtools/{path}")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "no-store"
    assert "make web" in response.text
    for part in ("query", "variables", "examples", "run", "answer", "gate", "token", "forget"):
        assert f'data-part="{part}"' in response.text


async def test_the_plain_page_offers_every_example_escaped() -> None:
    """What a person picks in the list is the example file, character for character."""
    async with open_client(None) as client:
        text = (await client.get("/x/devtools/")).text
    offered = re.findall(r'<option value="([^"]*)">([^<]*)</option>', text)
    found = {name: html.unescape(value) for value, name in offered}
    on_disk = {path.stem: path.read_text(encoding="utf-8") for path in pages.EXAMPLES.glob("*.graphql")}
    assert found == on_disk
    assert next(iter(found)) == "live"


async def test_the_plain_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    """The page runs under a policy of 'self' and works under any mount path."""
    async with open_client(None) as client:
        text = (await client.get("/x/devtools/")).text
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|https?://", text)
        addresses = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert addresses
        for address in addresses:
            assert not address.startswith("/")
            response = await client.get(f"/x/devtools/{address}")
            assert response.status_code == 200, address


def test_text_in_a_plain_page_is_escaped() -> None:
    """A title is text, never markup."""
    page = pages.render_plain_page("<script>alert(1)</script>", "")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize(
    "name", ["plain.html", "../pages.py", "..%2fpages.py", "missing.js", "", "plain.js/"]
)
async def test_only_named_static_files_are_served(name: str) -> None:
    """Beside the few files of the plain pages nothing of the package can be read."""
    async with open_client(None) as client:
        response = await client.get(f"/x/devtools/static/{name}")
    assert response.status_code in {404, 307}
    assert "def " not in response.text


async def test_static_scripts_have_a_type_browsers_accept() -> None:
    """With nosniff a module script of another type would not run."""
    async with open_client(None) as client:
        response = await client.get("/x/devtools/static/plain.js")
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(("path", "title"), [("", "built overview"), ("graphiql", "built graphiql")])
async def test_built_pages_are_served_and_never_stored(web: Path, path: str, title: str) -> None:
    """A page names hashed files, so a stored one would point to files that are gone."""
    async with open_client(web) as client:
        response = await client.get(f"/x/devtools/{path}")
    assert title in response.text
    assert response.headers["cache-control"] == "no-store"


async def test_the_mount_path_without_its_slash_leads_to_the_page(web: Path) -> None:
    """Relative addresses need the slash: `/devtools` redirects to `/devtools/`."""
    async with open_client(web) as client:
        response = await client.get("/x/devtools")
        assert response.status_code in {307, 308}
        assert response.headers["location"].endswith("/x/devtools/")


async def test_a_page_removed_while_running_is_a_404(web: Path) -> None:
    """During a rebuild the page is missing for a moment; that is not an error of the server."""
    async with open_client(web) as client:
        (web / "index.html").unlink()
        assert (await client.get("/x/devtools/")).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0.0 , br; q=0", None),
        ("identity", None),
    ],
)
async def test_assets_are_sent_as_compressed_by_the_build(
    web: Path, accepted: str, encoding: str | None
) -> None:
    """The best variant that the browser accepts is sent, marked as such, and may be kept for ever."""
    async with open_client(web) as client:
        request = client.build_request(
            "GET", "/x/devtools/assets/index-abc.js", headers={"Accept-Encoding": accepted}
        )
        response = await client.send(request, stream=True)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["content-type"].startswith("text/javascript")
    assert "immutable" in response.headers["cache-control"]
    assert (
        body
        == {"gzip": (web / "assets/index-abc.js.gz").read_bytes(), "br": b"brotli bytes", None: SCRIPT}[
            encoding
        ]
    )


async def test_an_asset_without_variants_is_sent_as_it_is(web: Path) -> None:
    """Small files are not compressed by the build."""
    async with open_client(web) as client:
        response = await client.get(
            "/x/devtools/assets/plain-abc.css", headers={"Accept-Encoding": "gzip, br"}
        )
    assert response.text == "body{}"
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize(
    "name",
    [
        "../index.html",
        "..%2findex.html",
        "%2e%2e/index.html",
        "%2e%2e%2f%2e%2e%2fsecret.js",
        "..%5c..%5csecret.js",
        "..%252fsecret.js",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "index-abc.js%00.css",
        ".hidden.js",
        "link.js",
        "notes.txt",
        "index-abc.js.gz",
        "missing.js",
        "",
        "sub/index-abc.js",
        "index-abc.js/",
        "a" * 5_000 + ".js",
    ],
)
async def test_nothing_but_built_assets_can_be_reached(web: Path, name: str) -> None:
    """Every spelling of traversal, links, hidden and foreign files: not found."""
    async with open_client(web) as client:
        # The address goes out as written: httpx would resolve the dots itself.
        url = httpx.URL("http://localhost/").copy_with(raw_path=f"/x/devtools/assets/{name}".encode())
        response = await client.get(url)
    assert response.status_code in {404, 307}
    assert "outside" not in response.text
    assert "built" not in response.text


async def test_pages_answer_reading_methods_only(web: Path) -> None:
    """A page has nothing to change."""
    async with open_client(web) as client:
        assert (await client.head("/x/devtools/")).status_code == 200
        assert (await client.post("/x/devtools/")).status_code == 405
        assert (await client.post("/x/devtools/assets/index-abc.js")).status_code == 405


def test_built_files_are_found_in_a_wheel_and_in_the_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The wheel's copy wins; an incomplete directory does not count."""
    package = tmp_path / "devtools"
    monkeypatch.setattr(pages, "PACKAGE", package)
    assert pages.find_web_directory() is None
    for directory in (tmp_path / "web" / "dist", package / "web"):
        directory.mkdir(parents=True)
        (directory / "index.html").touch()
        before = pages.find_web_directory()
        (directory / "graphiql.html").touch()
        assert before != directory
        assert pages.find_web_directory() == directory


@pytest.mark.parametrize("name", pages.EXAMPLE_NAMES)
def test_examples_are_one_named_operation_each(name: str) -> None:
    """GraphiQL titles its tabs by the operation's name."""
    (operation,) = parse(pages.read_examples()[name]).definitions
    assert getattr(operation, "name").value.lower() == name  # noqa: B009  the union of definitions has nameless ones


@pytest.mark.parametrize("path", QUERIES, ids=[path.stem for path in QUERIES])
def test_every_query_of_the_pages_fits_the_schema(path: Path) -> None:
    """A renamed field is found here, not by a person in front of a red page."""
    assert validate(schema(), parse(path.read_text(encoding="utf-8"))) == []
