"""Every route × every way to come uninvited, over HTTP. The cases are made from the table: a new row is tried by itself."""

import asyncio
import dataclasses
import itertools
import json
import logging

import httpx
import pytest

from devtools.errors import ValidationError
from devtools.server.credentials import Credentials
from devtools.server.guard.middleware import ACCESS_KEY, Guard
from devtools.server.guard.policy import WEBSOCKET, Access, Granted, RoutePolicy, core_policies
from devtools.settings import Limits, Settings

TOKEN = "write-0123456789-abcdefghijklmnopqrstuvwxyz"
READ_TOKEN = "read-0123456789-abcdefghijklmnopqrstuvwxyz"
INGEST_KEY = "ingest-0123456789-abcdefghijklmnopqrstuvwxyz"
SETTINGS = Settings(token=TOKEN, read_token=READ_TOKEN, ingest_key=INGEST_KEY)
JSON = "application/json"
ROWS = (
    *core_policies(Limits(body_bytes=1_000)),
    RoutePolicy(
        path="/api/import", methods=("POST",), access=Access.WRITE, content_types=(JSON,), body_limit=1_000
    ),
    RoutePolicy(
        path="/v1/logs",
        methods=("POST",),
        access=Access.INGEST,
        content_types=(JSON, "application/x-protobuf"),
        encodings=("gzip",),
        body_limit=1_000,
    ),
)
OPEN = {Access.PAGE, Access.LIVENESS}
HTTP_CASES = [(row, method) for row in ROWS for method in row.methods if method != WEBSOCKET]
NAMES = [f"{method} {row.path} {row.access.value}" for row, method in HTTP_CASES]
every_route = pytest.mark.parametrize(("row", "method"), HTTP_CASES, ids=NAMES)
with_body = pytest.mark.parametrize(("row", "method"), [case for case in HTTP_CASES if case[0].content_types])

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


class Inner:
    """The application behind the guard: it reads the whole body and answers what it was granted."""

    def __init__(self):
        self.granted: list[Granted] = []
        self.received: list[bytes] = []

    async def __call__(self, scope, receive, send):
        self.granted.append(scope[ACCESS_KEY])
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.received.append(body)
        headers = [
            (b"content-type", b"application/json"),
            (b"server", b"inner/1.0"),
            (b"access-control-allow-origin", b"*"),
            (b"x-frame-options", b"ALLOWALL"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = dict(headers)
        self.all = headers
        self.body = body

    @property
    def code(self):
        return json.loads(self.body)["errors"][0]["extensions"]["code"]


def guarded(app=None, settings=SETTINGS, rows=ROWS, **options):
    credentials = Credentials.load(settings, environment={})
    return Guard(app or Inner(), policies=rows, settings=settings, credentials=credentials, **options)


def ask(guard, method, path, headers, *, chunks=(b"",), client=("127.0.0.1", 5000), **scope):
    """Drive the guard as a server does; the answer as the client sees it."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "scheme": "http",
        "client": client,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        **scope,
    }
    incoming = [
        {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
        for index, chunk in enumerate(chunks)
    ]
    sent = []

    async def receive():
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    assert [message["type"] for message in sent].count("http.response.start") == 1
    raw = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    return Answer(sent[0]["status"], raw, b"".join(message.get("body", b"") for message in sent[1:]))


def path_of(row):
    return row.path.replace("{path}", "chunks/main-1a2b.js")


def token_of(row):
    return {Access.INGEST: INGEST_KEY, Access.WRITE: TOKEN}.get(row.access, READ_TOKEN)


def proper(row, *, host="localhost:8000", token="own", content_type="own", **extra):
    """The headers of a request that is let in, with the parts that a case replaces."""
    headers = {"host": host}
    if row.accept:
        headers["accept"] = row.accept
    if token is not None and row.access not in OPEN:
        headers["authorization"] = f"Bearer {token_of(row) if token == 'own' else token}"
    if content_type is not None and row.content_types:
        headers["content-type"] = row.content_types[0] if content_type == "own" else content_type
    headers |= {name.replace("_", "-"): value for name, value in extra.items()}
    return [(name, value) for name, value in headers.items() if value is not None]


def assert_refused(guard, answer, status, row=None):
    assert answer.status == status
    assert guard._app.granted == []
    assert_secured(answer, row)
    assert answer.headers["cache-control"] == "no-store"
    for secret in (TOKEN, READ_TOKEN, INGEST_KEY):
        assert secret not in str(answer.all)
        assert secret.encode() not in answer.body


def assert_secured(answer, row=None):
    names = [name for name, _ in answer.all]
    for name, value in HEADERS.items():
        assert names.count(name) == 1
        if name != "content-security-policy" or row is None or row.path != "/graphiql":
            assert answer.headers[name] == value
    assert "server" not in names
    assert not [name for name in names if name.startswith("access-control-")]


@every_route
def test_a_proper_request_is_let_in_with_its_headers(row, method):
    """The one who follows the rules is answered, and the answer carries our headers in place of the inner ones."""
    guard = guarded()
    answer = ask(guard, method, path_of(row), proper(row))
    assert answer.status == 200
    assert_secured(answer, row)
    assert answer.headers["cache-control"] == "no-store"


@every_route
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example:8000",
        "0.0.0.0:8000",
        "localhost.",
        "127.0.0.2",
        "[::2]",
        "::1",
        "localhost:",
        "localhost:99999",
        "localhost, evil.example",
        "x" * 5_000 + ".localhost",
        "",
        None,
    ],
)
def test_another_host_name_is_misdirected(row, method, host):
    """DNS rebinding and every malformed Host end with 421, whatever the token."""
    guard = guarded()
    assert_refused(guard, ask(guard, method, path_of(row), proper(row, host=host)), 421, row)


@every_route
def test_two_host_headers_are_misdirected(row, method):
    """Two Host headers are refused, even equal ones."""
    guard = guarded()
    headers = [*proper(row), ("host", "localhost:8000")]
    assert_refused(guard, ask(guard, method, path_of(row), headers), 421, row)


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:3000"},
    {"origin": "https://localhost:8000"},
    {"origin": "http://localhost"},
    {"origin": "http://localhost:8000, https://evil.example"},
    {"origin": ""},
    {"origin": "null", "sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "same-origin, cross-site"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"},
    {"sec_fetch_site": "cross-site", "origin": "http://localhost:8000"},
]


@every_route
@pytest.mark.parametrize("marks", FOREIGN, ids=str)
def test_a_page_of_another_site_is_refused(row, method, marks):
    """Fetch, form, frame and script from elsewhere end with 403, also when they know the token."""
    guard = guarded()
    assert_refused(guard, ask(guard, method, path_of(row), proper(row, **marks)), 403, row)


@every_route
def test_a_link_on_another_site_opens_pages_alone(row, method):
    """A top-level navigation may load a static page, and nothing that carries data."""
    guard = guarded()
    marks = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    answer = ask(guard, method, path_of(row), proper(row, **marks))
    if row.access is Access.PAGE:
        assert answer.status == 200
    else:
        assert_refused(guard, answer, 403, row)


@every_route
@pytest.mark.parametrize("marks", [{"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}], ids=str)
def test_our_own_page_is_let_in(row, method, marks):
    """What the browser calls same-origin, or the user typed, passes."""
    assert ask(guarded(), method, path_of(row), proper(row, **marks)).status == 200


@every_route
@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("http", "localhost:8000", "http://localhost:8000"),
        ("http", "localhost", "http://localhost"),
        ("http", "127.0.0.1:80", "http://127.0.0.1"),
        ("https", "[::1]", "https://[::1]:443"),
    ],
)
def test_our_own_origin_is_let_in(row, method, scheme, host, origin):
    """Without Sec-Fetch-Site an Origin equal to ours passes; the port of the scheme may be left out."""
    headers = proper(row, host=host, origin=origin)
    assert ask(guarded(), method, path_of(row), headers, scheme=scheme).status == 200


@every_route
@pytest.mark.parametrize("client", [("192.168.1.7", 5000), ("::ffff:10.0.0.1", 1), ("testclient", 1), None])
def test_another_machine_is_refused(row, method, client):
    """A client that is not loopback, or not known, ends with 403, whatever the token."""
    guard = guarded(mounted=True)
    answer = ask(guard, method, path_of(row), proper(row), client=client)
    assert_refused(guard, answer, 403, row)
    assert b"allow_remote=True" in answer.body


@every_route
@pytest.mark.parametrize("client", [("::1", 1), ("127.8.0.1", 1), ("::ffff:127.0.0.1", 1)])
def test_every_loopback_address_is_this_machine(row, method, client):
    """IPv6, the whole 127/8 and mapped addresses are this machine."""
    assert ask(guarded(), method, path_of(row), proper(row), client=client).status == 200


@every_route
def test_another_machine_is_let_in_where_the_user_said_so(row, method):
    """`allow_remote` with strong tokens opens the door for clients of the network."""
    settings = dataclasses.replace(SETTINGS, allow_remote=True)
    answer = ask(guarded(settings=settings), method, path_of(row), proper(row), client=("192.168.1.7", 5000))
    assert answer.status == 200


@every_route
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN},Bearer {TOKEN}",
        "Bearer \xff",
        "Bearer " + "x" * 100_000,
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_data_needs_a_right_token(row, method, authorization):
    """No token and every wrong one end with 401; pages and liveness need none."""
    guard = guarded()
    answer = ask(guard, method, path_of(row), proper(row, token=None, authorization=authorization))
    if row.access in OPEN:
        assert answer.status == 200
        assert guard._app.granted == [Granted("none", "", "127.0.0.1")]
    else:
        assert_refused(guard, answer, 401, row)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.code == "UNAUTHENTICATED"


@every_route
@pytest.mark.parametrize("name", ["token", "access_token", "authorization"])
def test_a_token_in_the_address_is_no_token(row, method, name):
    """The query string is never read: it ends in logs and histories."""
    guard = guarded()
    query = f"{name}={TOKEN}".encode()
    answer = ask(guard, method, path_of(row), proper(row, token=None), query_string=query)
    if row.access not in OPEN:
        assert_refused(guard, answer, 401, row)


@every_route
@pytest.mark.parametrize("token", [TOKEN, READ_TOKEN, INGEST_KEY])
def test_each_token_opens_its_own_routes(row, method, token):
    """The write token opens all, the read token what reads, the ingest key what ingests; READ routes grant no more than reading."""
    guard = guarded()
    answer = ask(guard, method, path_of(row), proper(row, token=token))
    may = {
        TOKEN: {"read", "graphql", "write", "ingest"},
        READ_TOKEN: {"read", "graphql"},
        INGEST_KEY: {"ingest"},
    }
    if row.access in OPEN:
        assert guard._app.granted[0].scope == "none"
    elif row.access.value in may[token]:
        scopes = {TOKEN: "write", READ_TOKEN: "read", INGEST_KEY: "ingest"}
        expected = "read" if row.access is Access.READ else scopes[token]
        assert guard._app.granted[0].scope == expected
    else:
        assert_refused(guard, answer, 403, row)


@every_route
def test_another_method_is_refused(row, method):
    """Methods that the table does not name end with 405 and say which are answered."""
    allowed = {name for other in ROWS if other.path == row.path for name in other.methods} - {WEBSOCKET}
    for wrong in {"DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "POST", "GET"} - allowed:
        guard = guarded()
        answer = ask(guard, wrong, path_of(row), proper(row))
        assert_refused(guard, answer, 405)
        assert set(answer.headers["allow"].split(", ")) == allowed


@with_body
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/graphql",
        "application/json, text/plain",
    ],
)
def test_another_body_type_is_refused(row, method, content_type):
    """Forms, text and multipart end with 415 before anything is parsed."""
    guard = guarded()
    headers = proper(row, content_type=content_type)
    assert_refused(guard, ask(guard, method, path_of(row), headers, chunks=(b"{}",)), 415, row)


@with_body
def test_json_may_name_its_charset(row, method):
    """Parameters and case of the media type do not matter."""
    headers = proper(row, content_type="Application/JSON; charset=utf-8")
    assert ask(guarded(), method, path_of(row), headers).status == 200


@with_body
def test_a_compressed_body_is_refused_where_none_is_understood(row, method):
    """Only the rows that name an encoding take one."""
    answer = ask(guarded(), method, path_of(row), proper(row, content_encoding="gzip"))
    assert answer.status == (200 if row.encodings else 415)


@every_route
@pytest.mark.parametrize("declared", [None, "3", "right"])
def test_a_large_body_is_refused_while_it_streams(row, method, declared):
    """At the limit is fine, one byte more ends with 413: chunked, or with a length that lies."""
    limit = row.body_limit
    for size, status in ((limit, 200), (limit + 1, 413)):
        guard = guarded()
        length = {"content_length": str(size) if declared == "right" else declared} if size > 3 else {}
        chunks = (b"x" * (size // 2), b"x" * (size - size // 2), b"")
        answer = ask(guard, method, path_of(row), proper(row, **length), chunks=chunks)
        assert answer.status == status
        assert guard._app.received == ([b"x" * size] if status == 200 else [])
        assert_secured(answer, row)


@every_route
@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "1, 1", "", "9" * 40])
def test_a_malformed_length_is_refused(row, method, length):
    """A Content-Length that is not one number ends with 400."""
    guard = guarded()
    headers = [(name, value) for name, value in proper(row)]
    answer = ask(
        guard, method, path_of(row), [*headers, ("content-length", length.encode().decode("latin-1"))]
    )
    assert_refused(guard, answer, 400, row)


@pytest.mark.parametrize(
    "path",
    [
        "/new",
        "/health/",
        "/HEALTH",
        "//",
        "/assets/",
        "/assets",
        "/assets/../graphql",
        "/assets/a/../../b",
        "/assets/./a",
        "/assets//etc/passwd",
        "/assets/a\\..\\b",
        "/assets/a\x00.js",
        "/assets/..",
        "/graphqlx",
        "/graphql//",
    ],
)
def test_a_path_without_a_row_does_not_exist(path):
    """The inner app would answer anything: a route that nobody wrote a row for is 404, with a token and with our headers."""
    guard = guarded()
    answer = ask(guard, "GET", path, [("host", "localhost"), ("authorization", f"Bearer {TOKEN}")])
    assert_refused(guard, answer, 404)
    assert answer.code == "NOT_FOUND"


def test_the_table_holds_every_core_route():
    """The public addresses of the design have a row, and none is open by mistake."""
    table = {
        (row.path, method, row.access.value) for row in core_policies(Limits()) for method in row.methods
    }
    graphql = {
        (path, method, access)
        for path in ("/graphql", "/graphql/")
        for method, access in (("GET", "page"), ("GET", "read"), ("POST", "graphql"), (WEBSOCKET, "graphql"))
    }
    pages = {(path, "GET", "page") for path in ("/", "/graphiql", "/assets/{path}", "/static/{path}")}
    assert table == graphql | pages | {("/health", "GET", "liveness")}


def test_graphql_opened_in_a_browser_is_a_page_without_rights():
    """A browser's Accept gets the page that leads to GraphiQL; anything else needs a token and may only read."""
    guard = guarded()
    browser = [("host", "localhost"), ("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]
    assert ask(guard, "GET", "/graphql", browser).status == 200
    assert not guard._app.granted[0].reads
    program = [("host", "localhost"), ("accept", "text/event-stream")]
    assert ask(guard, "GET", "/graphql", program).status == 401
    ask(guard, "GET", "/graphql", [*program, ("authorization", f"Bearer {TOKEN}")])
    assert guard._app.granted[1] == Granted("read", "token", "127.0.0.1")


def test_head_is_a_get():
    """HEAD follows the row of GET, with the same rights."""
    guard = guarded()
    assert ask(guard, "HEAD", "/health", [("host", "localhost")]).status == 200
    assert ask(guard, "HEAD", "/graphql", [("host", "localhost")]).status == 401


@pytest.mark.parametrize("path", ["/api/devtools/health", "/api/devtools/", "/api/devtools"])
def test_the_mount_is_taken_off_the_path(path):
    """Rows are written without the place where we are mounted."""
    answer = ask(guarded(), "GET", path, [("host", "localhost")], root_path="/api/devtools")
    assert answer.status == 200


def test_refusals_of_pages_are_text_and_of_data_json():
    """A person reads one line, a program an error with a code; both name what to do."""
    page = ask(guarded(), "GET", "/", [("host", "evil.example")])
    assert page.headers["content-type"].startswith("text/plain")
    assert b"'evil.example'" in page.body
    assert b"allowed_hosts" in page.body
    assert b"DEVTOOLS_ALLOWED_HOSTS" in page.body
    data = ask(guarded(), "POST", "/graphql", [("host", "evil.example")])
    assert data.code == "FORBIDDEN"
    assert "allowed_hosts" in json.loads(data.body)["errors"][0]["message"]


def test_a_hostile_host_is_shown_escaped_and_short():
    """The answer names the host without carrying its bytes."""
    answer = ask(guarded(), "GET", "/", [("host", "<script>\x1b[31m\xff" + "x" * 10_000)])
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"\x1b" not in answer.body
    assert len(answer.body) < 1_000


def test_only_graphiql_may_style_inline():
    """The exception of the editor is one page's alone."""
    for row in core_policies(Limits()):
        if "GET" in row.methods:
            answer = ask(guarded(), "GET", path_of(row), proper(row))
            policy = answer.headers["content-security-policy"]
            assert ("'unsafe-inline'" in policy) == (row.path == "/graphiql")
            assert "'unsafe-eval'" not in policy
            assert ("worker-src 'self'" in policy) == (row.path == "/graphiql")


def test_a_page_may_be_cached_and_data_never():
    """Built scripts keep their caching; whatever data routes say is replaced."""

    async def inner(scope, receive, send):
        headers = [(b"cache-control", b"public, max-age=31536000"), (b"content-type", b"text/javascript")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    page = ask(guarded(inner), "GET", "/assets/a.js", [("host", "localhost")])
    assert page.headers["cache-control"] == "public, max-age=31536000"
    data = ask(guarded(inner), "GET", "/health", [("host", "localhost")])
    assert [value for name, value in data.all if name == "cache-control"] == ["no-store"]


def test_guesses_are_limited_per_client_and_say_how_long():
    """Ten wrong tokens, then 429 with Retry-After; who has the right one is never locked out by who has not."""
    settings = dataclasses.replace(SETTINGS, allow_remote=True)
    guard = guarded(settings=settings)
    row = next(row for row in ROWS if row.access is Access.READ)

    def status(token, client):
        return ask(guard, "GET", row.path, proper(row, token=token), client=(client, 1)).status

    assert [status(f"guess-{number}", "10.0.0.1") for number in range(11)] == [401] * 10 + [429]
    answer = ask(guard, "GET", row.path, proper(row, token="guess-11"), client=("10.0.0.1", 2))
    assert answer.status == 429
    assert answer.code == "LIMIT_EXCEEDED"
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert status(TOKEN, "10.0.0.1") == 200
    assert status("guess-12", "10.0.0.2") == 401


def test_a_page_left_open_locks_nobody_out():
    """One stale token sent again and again is limited alone; the right token beside it still works."""
    guard = guarded()
    row = next(row for row in ROWS if row.access is Access.READ)
    statuses = [ask(guard, "GET", row.path, proper(row, token="stale")).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert ask(guard, "GET", row.path, proper(row)).status == 200


def test_without_auth_this_machine_reads_and_writes():
    """`auth=None` needs no token on loopback, still refuses foreign pages and hosts, and never opens the network."""
    guard = guarded(settings=Settings(auth=None))
    headers = [("host", "localhost"), ("content-type", JSON)]
    assert ask(guard, "POST", "/graphql", headers).status == 200
    assert guard._app.granted[0] == Granted("write", "local", "127.0.0.1")
    assert ask(guard, "POST", "/graphql", [*headers, ("origin", "https://evil.example")]).status == 403
    assert ask(guard, "POST", "/graphql", headers, client=("10.0.0.1", 1)).status == 403


def test_a_configured_host_is_one_of_our_names():
    """`allowed_hosts` adds exact names, with any port, and no subdomains."""
    guard = guarded(settings=dataclasses.replace(SETTINGS, allowed_hosts=("devbox.example", "fe80::1")))
    for host, status in (
        ("devbox.example", 200),
        ("DevBox.example:81", 200),
        ("[fe80::1]:8000", 200),
        ("x.devbox.example", 421),
        ("devbox.example.evil", 421),
    ):
        assert ask(guard, "GET", "/health", [("host", host)]).status == status


def test_a_configured_origin_may_call_and_read():
    """`allowed_origins` alone brings CORS headers: that origin and no other, never a star."""
    guard = guarded(settings=dataclasses.replace(SETTINGS, allowed_origins=("http://localhost:5173",)))
    row = next(row for row in ROWS if row.access is Access.GRAPHQL and "POST" in row.methods)
    own = {"origin": "http://localhost:5173", "sec_fetch_site": "same-site"}
    answer = ask(guard, "POST", "/graphql", proper(row, **own))
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert answer.headers["vary"] == "Origin"
    preflight = ask(
        guard,
        "OPTIONS",
        "/graphql",
        [
            ("host", "localhost"),
            ("origin", "http://localhost:5173"),
            ("access-control-request-method", "POST"),
        ],
    )
    assert preflight.status == 204
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    other = ask(guard, "POST", "/graphql", proper(row, origin="http://localhost:5174"))
    assert other.status == 403
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    "options",
    [
        {"allowed_hosts": ("*",)},
        {"allowed_hosts": ("*.example.com",)},
        {"allowed_hosts": ("http://devbox",)},
        {"allowed_hosts": ("devbox:8000",)},
        {"allowed_origins": ("*",)},
        {"allowed_origins": ("null",)},
        {"allowed_origins": ("http://devbox/",)},
        {"allow_remote": True, "auth": None, "token": None},
        {"allow_remote": True, "token": "short"},
    ],
    ids=str,
)
def test_settings_that_open_too_much_are_refused(options):
    """Wildcards, addresses with parts too many and weak remote access never start."""
    with pytest.raises(ValidationError) as caught:
        guarded(settings=Settings(**{"token": TOKEN, **options}))
    assert caught.value.field in options


class Failing:
    """An application that fails after so many messages, naming the token as careless code does."""

    def __init__(self, messages=(), error=RuntimeError):
        self.messages = messages
        self.error = error

    async def __call__(self, scope, receive, send):
        for message in self.messages:
            await send(message)
        raise self.error(f"secret {TOKEN}")


def start(status, kind):
    headers = [(b"content-type", kind)]
    return {"type": "http.response.start", "status": status, "headers": headers}


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (start(500, b"text/plain"), {"type": "http.response.body", "body": b"Internal Server Error"}),
        (start(500, b"text/html"), {"type": "http.response.body", "body": b"<h1>Traceback: secret</h1>"}),
    ],
    ids=["raises", "text", "traceback page"],
)
def test_a_failure_is_masked_and_logged_without_the_token(messages, caplog):
    """The client learns a code, the log the traceback, nobody the token."""
    caplog.set_level(logging.DEBUG)
    answer = ask(guarded(Failing(messages)), "GET", "/health", [("host", "localhost")])
    assert answer.status == 500
    assert answer.code == "INTERNAL"
    assert b"secret" not in answer.body
    assert_secured(answer)
    assert "RuntimeError: secret (token)" in caplog.text
    assert TOKEN not in caplog.text


def test_a_json_failure_of_the_inner_app_is_kept():
    """An answer that already has our shape passes."""
    messages = (start(503, b"application/json"), {"type": "http.response.body", "body": b'{"errors":[]}'})

    async def inner(scope, receive, send):
        for message in messages:
            await send(message)

    answer = ask(guarded(inner), "GET", "/health", [("host", "localhost")])
    assert (answer.status, answer.body) == (503, b'{"errors":[]}')
    assert_secured(answer)


def test_a_failure_halfway_breaks_the_connection():
    """Half an answer must not look like a whole one: the error goes on to the server."""
    messages = (
        start(200, b"application/json"),
        {"type": "http.response.body", "body": b"{", "more_body": True},
    )
    with pytest.raises(RuntimeError):
        ask(guarded(Failing(messages)), "GET", "/health", [("host", "localhost")])


def test_a_failure_after_the_answer_is_only_logged(caplog):
    """The client has its whole answer: nothing is added to it."""
    messages = (start(200, b"application/json"), {"type": "http.response.body", "body": b"{}"})
    assert ask(guarded(Failing(messages)), "GET", "/health", [("host", "localhost")]).body == b"{}"
    assert "failed inside DevTools" in caplog.text


def test_an_inner_app_that_says_nothing_is_a_failure():
    """No answer at all is told as one, with headers."""

    async def silent(scope, receive, send):
        return

    answer = ask(guarded(silent), "GET", "/health", [("host", "localhost")])
    assert (answer.status, answer.code) == (500, "INTERNAL")


def test_the_token_is_in_no_answer_and_no_log(caplog):
    """Over all routes and ways to fail, with every logger open."""
    caplog.set_level(logging.DEBUG)
    guard = guarded()
    marks = [
        {},
        {"host": "evil.example"},
        {"origin": "null"},
        {"token": TOKEN + "x"},
        {"content_type": "text/plain"},
    ]
    for (row, method), mark in itertools.product(HTTP_CASES, marks):
        answer = ask(
            guard, method, path_of(row), proper(row, **mark), query_string=b"token=" + TOKEN.encode()
        )
        assert TOKEN.encode() not in answer.body
        assert TOKEN not in str(answer.all)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(vars(guard))


def test_it_works_as_an_ordinary_asgi_app():
    """A client library over ASGI sees the same."""

    async def run():
        transport = httpx.ASGITransport(guarded())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
            refused = await client.post("/graphql", json={"query": "{ __typename }"})
            headers = {"authorization": f"Bearer {TOKEN}"}
            answered = await client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
            return refused.status_code, answered.status_code

    assert asyncio.run(run()) == (401, 200)


def test_the_lifespan_passes():
    """What is neither HTTP nor WebSocket is not ours to judge."""
    seen = []

    async def inner(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(guarded(inner)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
