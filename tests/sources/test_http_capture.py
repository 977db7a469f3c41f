"""Headers and bodies of requests, when asked for."""

import json

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.sources.asgi_client import get, recorded, runs


async def login(request):
    await request.body()
    return JSONResponse({"access_token": "planted", "user": "ann"}, headers={"set-cookie": "sid=planted"})


def app() -> Starlette:
    return Starlette(
        routes=[
            Route("/login", login, methods=["POST"]),
            Route("/text", lambda request: PlainTextResponse("x" * 20_000)),
            Route("/image", lambda request: Response(b"\x89PNG" * 10, media_type="image/png")),
        ]
    )


def attributes(recorder) -> dict:
    return json.loads(runs(recorder)[-1].attributes)


def test_nothing_is_captured_by_default(recorder):
    get(recorded(app(), recorder), "/text")
    assert runs(recorder)[0].attributes is None


def test_headers_are_masked(recorder):
    """Credentials never, the rest as it was."""
    headers = {"authorization": "Bearer planted", "cookie": "a=planted", "x-shop": "1"}
    get(recorded(app(), recorder, capture_http="headers"), "/login", "POST", headers=headers)
    found = attributes(recorder)
    assert found["request"]["headers"]["x-shop"] == "1"
    assert found["response"]["headers"]["content-type"] == "application/json"
    assert "body" not in found["request"]
    assert "planted" not in runs(recorder)[0].attributes


@pytest.mark.parametrize("correlation_header", [True, False])
def test_headers_that_can_be_read_once_arrive(recorder, correlation_header):
    """ASGI asks for no more than something to iterate over."""

    async def app(scope, receive, send):
        headers = ((name, b"1") for name in (b"x-shop", b"content-type"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    layer = recorded(app, recorder, capture_http="headers", correlation_header=correlation_header)
    assert {"x-shop", "content-type"} <= set(get(layer, "/").headers)
    assert set(attributes(recorder)["response"]["headers"]) == {"x-shop", "content-type"}


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"user": "ann", "password": "planted"}},
        {"data": {"user": "ann", "password": "planted"}},
        {"content": b'{"user": "ann", "password": "planted', "headers": {"content-type": "application/json"}},
        {"content": b"user=ann password=planted", "headers": {"content-type": "text/plain"}},
        {
            "content": b'{"user": "ann", "password": "planted"}',
            "headers": {"content-type": "APPLICATION/JSON; Charset=UTF-8"},
        },
    ],
)
def test_bodies_are_masked(recorder, body):
    """JSON by name, forms by name, text by pattern, also where it is damaged."""
    get(recorded(app(), recorder, capture_http="bodies"), "/login", "POST", **body)
    found = attributes(recorder)
    assert "ann" in json.dumps(found["request"]["body"])
    assert found["response"]["body"] == {"access_token": "[masked]", "user": "ann"}
    assert "planted" not in runs(recorder)[0].attributes


def test_bodies_are_bounded_and_binary_is_a_size(recorder):
    """8 KB of text; of an image only how large it was."""
    layer = recorded(app(), recorder, capture_http="bodies")
    get(layer, "/text")
    assert len(attributes(recorder)["response"]["body"]) < 8_300
    assert runs(recorder)[-1].http.response_bytes == 20_000
    get(layer, "/image")
    assert attributes(recorder)["response"]["body"] == "[40 bytes of image/png]"
