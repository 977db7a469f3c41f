"""Every WebSocket route × every way to come uninvited: judged at the handshake, before accept."""

import asyncio
import json

import pytest

from devtools.errors import UnauthenticatedError
from devtools.server.credentials import Credentials, TooManyFailuresError, bearer_token, token_from_payload
from devtools.server.guard.middleware import ACCESS_KEY, Guard
from devtools.server.guard.policy import WEBSOCKET, Granted, core_policies
from devtools.settings import Limits, Settings

TOKEN = "write-0123456789-abcdefghijklmnopqrstuvwxyz"
READ_TOKEN = "read-0123456789-abcdefghijklmnopqrstuvwxyz"
INGEST_KEY = "ingest-0123456789-abcdefghijklmnopqrstuvwxyz"
SETTINGS = Settings(token=TOKEN, read_token=READ_TOKEN, ingest_key=INGEST_KEY)
PROTOCOL = "graphql-transport-ws"
ROWS = core_policies(Limits(message_bytes=100))
PATHS = sorted({row.path for row in ROWS if WEBSOCKET in row.methods})
NO_SOCKET = sorted({row.path.replace("{path}", "a.js") for row in ROWS} - set(PATHS))
every_socket = pytest.mark.parametrize("path", PATHS)
both_servers = pytest.mark.parametrize("answers", [True, False], ids=["with denial", "close alone"])


class Inner:
    """Accepts, then reads until the client leaves."""

    def __init__(self):
        self.granted: list[Granted] = []
        self.subprotocols: list[str] = []
        self.messages: list[dict] = []

    async def __call__(self, scope, receive, send):
        self.granted.append(scope[ACCESS_KEY])
        self.subprotocols = scope["subprotocols"]
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
        while (message := await receive())["type"] == "websocket.receive":
            self.messages.append(message)
        await send({"type": "websocket.send", "text": "too late"})


def guarded(app=None, settings=SETTINGS):
    credentials = Credentials.load(settings, environment={})
    return Guard(app or Inner(), policies=ROWS, settings=settings, credentials=credentials)


def connect(guard, path, headers=(), *, messages=(), answers=True, subprotocols=(PROTOCOL,), **scope):
    """Drive the guard as a server does; everything that was sent."""
    given = [("host", "localhost:8000"), *headers]
    hosts = [header for header in headers if header[0] == "host"]
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "scheme": "ws",
        "client": ("127.0.0.1", 5000),
        "subprotocols": list(subprotocols),
        "extensions": {"websocket.http.response": {}} if answers else {},
        "headers": [(name.encode(), value.encode()) for name, value in (headers if hosts else given)],
        **scope,
    }
    incoming = [{"type": "websocket.connect"}, *messages]
    sent = []

    async def receive():
        return incoming.pop(0) if incoming else {"type": "websocket.disconnect", "code": 1000}

    async def send(message):
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    return sent


def assert_denied(guard, sent, status, answers):
    assert guard._app.granted == []
    if not answers:
        assert [message["type"] for message in sent] == ["websocket.close"]
        assert len(sent[0]["reason"].encode()) <= 123
        return
    assert [message["type"] for message in sent] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert sent[0]["status"] == status
    headers = dict(sent[0]["headers"])
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"cache-control"] == b"no-store"
    assert json.loads(sent[1]["body"])["errors"][0]["message"]
    assert TOKEN not in str(sent)


@every_socket
@pytest.mark.parametrize("origin", [None, "http://localhost:8000"])
def test_a_proper_socket_is_let_in_before_its_token(path, origin):
    """Browsers send the token in `connection_init`: until then nothing is granted."""
    guard = guarded()
    sent = connect(guard, path, [("origin", origin)] if origin else [])
    assert sent[0] == {"type": "websocket.accept", "subprotocol": PROTOCOL}
    assert guard._app.granted == [Granted("none", "", "127.0.0.1")]


@every_socket
def test_a_secure_socket_belongs_to_the_secure_page(path):
    """`wss` is the WebSocket of an `https` origin."""
    headers = [("host", "localhost"), ("origin", "https://localhost")]
    assert connect(guarded(), path, headers, scheme="wss")[0]["type"] == "websocket.accept"
    assert connect(guarded(), path, headers, scheme="ws")[0]["type"] != "websocket.accept"


REFUSED = [
    ([("host", "evil.example")], {}, 421),
    ([("host", "evil.example"), ("host", "localhost")], {}, 421),
    ([("origin", "https://evil.example")], {}, 403),
    ([("origin", "null")], {}, 403),
    ([("origin", "http://localhost:3000")], {}, 403),
    ([("sec-fetch-site", "cross-site")], {}, 403),
    (
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
        {},
        403,
    ),
    ([], {"client": ("192.168.1.7", 1)}, 403),
    ([], {"client": None}, 403),
    ([], {"subprotocols": ()}, 403),
    ([], {"subprotocols": ("graphql-ws",)}, 403),
    ([("authorization", "Bearer wrong")], {}, 401),
    ([("authorization", "Basic eDp5")], {}, 401),
    ([("authorization", f"Bearer {INGEST_KEY}")], {}, 403),
]


@every_socket
@both_servers
@pytest.mark.parametrize(("headers", "scope", "status"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_socket_that_may_not_is_denied_before_accept(path, answers, headers, scope, status):
    """A wrong host, page, machine, protocol or token ends at the handshake: with a status, or closed where none can be sent."""
    guard = guarded()
    assert_denied(guard, connect(guard, path, headers, answers=answers, **scope), status, answers)


@both_servers
@pytest.mark.parametrize("path", [*NO_SOCKET, "/new", "/graphqlx"])
def test_other_paths_have_no_socket(path, answers):
    """A path without a WebSocket row is denied."""
    guard = guarded()
    status = 405 if path in NO_SOCKET else 404
    assert_denied(guard, connect(guard, path, answers=answers), status, answers)


@every_socket
@pytest.mark.parametrize(("token", "scope"), [(TOKEN, "write"), (READ_TOKEN, "read")])
def test_the_token_of_the_handshake_is_honoured(path, token, scope):
    """Programs may send the Authorization header."""
    guard = guarded()
    connect(guard, path, [("authorization", f"Bearer {token}")])
    assert guard._app.granted[0].scope == scope


@every_socket
def test_a_token_in_the_address_of_a_socket_is_no_token(path):
    """The query string grants nothing."""
    guard = guarded()
    connect(guard, path, query_string=f"token={TOKEN}".encode())
    assert guard._app.granted[0].scope == "none"


@every_socket
def test_only_our_subprotocol_reaches_the_inner_app(path):
    """Whatever else the client offers cannot be chosen."""
    guard = guarded()
    connect(guard, path, subprotocols=("graphql-ws", PROTOCOL, "json"))
    assert guard._app.subprotocols == [PROTOCOL]


@every_socket
def test_without_auth_a_socket_is_granted_at_once(path):
    """`auth=None`: no token is asked for in `connection_init`."""
    guard = guarded(settings=Settings(auth=None))
    connect(guard, path)
    assert guard._app.granted == [Granted("write", "local", "127.0.0.1")]


@every_socket
@pytest.mark.parametrize("kind", ["text", "bytes"])
def test_a_large_message_closes_the_socket(path, kind):
    """At the limit is fine; one byte more closes with 1009 and nothing is sent after."""
    for size, code in ((100, None), (101, 1009)):
        guard = guarded()
        data = "x" * size if kind == "text" else b"x" * size
        sent = connect(guard, path, messages=[{"type": "websocket.receive", kind: data}])
        assert len(guard._app.messages) == (code is None)
        assert [message.get("code") for message in sent[1:]] == ([code] if code else [])


@every_socket
def test_a_message_is_measured_in_bytes(path):
    """Fifty characters of four bytes are over a limit of a hundred."""
    guard = guarded()
    sent = connect(guard, path, messages=[{"type": "websocket.receive", "text": "🐍" * 50}])
    assert sent[-1]["code"] == 1009


@both_servers
def test_a_failure_before_accept_is_an_answer(answers, caplog):
    """The handshake ends with 500; the log has the reason without the token."""

    async def failing(scope, receive, send):
        raise RuntimeError(f"secret {TOKEN}")

    sent = connect(guarded(failing), "/graphql", answers=answers)
    assert sent[0].get("status") == (500 if answers else None)
    assert "secret" not in str(sent)
    assert "secret (token)" in caplog.text


def test_a_failure_after_accept_closes_the_socket():
    """An open socket is closed with 1011 and without details."""

    async def failing(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        raise RuntimeError("secret")

    sent = connect(guarded(failing), "/graphql")
    assert sent[-1]["code"] == 1011
    assert "secret" not in str(sent)


def test_a_denial_of_the_inner_app_is_secured():
    """An inner layer may still say no at the handshake; its answer carries our headers."""

    async def denying(scope, receive, send):
        await send({"type": "websocket.http.response.start", "status": 418, "headers": [(b"server", b"x")]})
        await send({"type": "websocket.http.response.body", "body": b""})

    sent = connect(guarded(denying), "/graphql")
    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == 418
    assert b"server" not in headers
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_a_client_that_leaves_during_the_handshake_is_not_answered():
    """Nothing is sent to a client that is gone."""

    async def run():
        sent = []
        scope = {"type": "websocket", "path": "/graphql", "headers": [], "client": None}

        async def receive():
            return {"type": "websocket.disconnect", "code": 1006}

        async def send(message):
            sent.append(message)

        await guarded()(scope, receive, send)
        return sent

    assert asyncio.run(run()) == []


@pytest.mark.parametrize(
    ("payload", "token"),
    [
        ({"token": "a"}, "a"),
        ({"Authorization": "Bearer a"}, "a"),
        ({"authorization": "bearer a"}, "a"),
        ({"authorization": "Basic a"}, None),
        ({"authorization": 1}, None),
        ({"token": None}, None),
        ({}, None),
        (None, None),
        ([], None),
        ("token", None),
    ],
    ids=str,
)
def test_the_token_of_connection_init(payload, token):
    """Both usual shapes are read; anything else is no token and raises nothing."""
    assert token_from_payload(payload) == token


@pytest.mark.parametrize(
    ("header", "token"), [("Bearer a", "a"), ("bearer  a ", "a"), ("Bearer", None), (None, None)]
)
def test_the_token_of_a_header(header, token):
    """The scheme's case and spaces around do not matter."""
    assert bearer_token(header) == token


def test_guesses_in_connection_init_are_limited_with_those_of_http():
    """The socket checks with the same counter: ten guesses over either, then none; the right token is no guess."""
    credentials = Credentials.load(SETTINGS, environment={})
    guard = Guard(Inner(), policies=ROWS, settings=SETTINGS, credentials=credentials)
    for number in range(5):
        connect(guard, "/graphql", [("authorization", f"Bearer guess-{number}")])
        with pytest.raises(UnauthenticatedError):
            credentials.check(f"other-{number}", "127.0.0.1")
    with pytest.raises(TooManyFailuresError) as caught:
        credentials.check("one-more", "127.0.0.1")
    assert caught.value.retry_after > 0
    assert connect(guard, "/graphql", [("authorization", "Bearer another")])[0]["status"] == 429
    assert credentials.check(TOKEN, "127.0.0.1").writes
