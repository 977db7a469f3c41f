"""Where a server listens that tells its app nothing of it."""

import pytest

from devtools.server.listening import address_of_command


@pytest.mark.parametrize(
    ("arguments", "environment", "address"),
    [
        ("/bin/uvicorn shop:app", {}, "http://127.0.0.1:8000"),
        ("/lib/uvicorn/__main__.py shop:app --port 9000", {}, "http://127.0.0.1:9000"),
        ("uvicorn --port=9000 --host=0.0.0.0 shop:app --reload", {}, "http://127.0.0.1:9000"),
        ("uvicorn shop:app --host ::1", {}, "http://[::1]:8000"),
        ("uvicorn shop:app --host localhost --ssl-keyfile key.pem", {}, "https://localhost:8000"),
        ("uvicorn shop:app", {"UVICORN_PORT": "8080"}, "http://127.0.0.1:8080"),
        ("uvicorn shop:app --port 1 --port 2", {"UVICORN_PORT": "8080"}, "http://127.0.0.1:2"),
        ("/bin/fastapi dev shop.py --port 8001", {}, "http://127.0.0.1:8001"),
        (
            "fastapi run shop.py",
            {"PORT": "8002", "HOST": "shop", "UVICORN_PORT": "1"},
            "http://127.0.0.1:8002",
        ),
        ("uvicorn shop:app", {"UVICORN_SSL_KEYFILE": "key.pem", "PORT": "1"}, "https://127.0.0.1:8000"),
        ("uvicorn shop:app", {"UVICORN_UDS": "/run/shop"}, None),
        ("C:/Scripts/uvicorn.exe shop:app", {}, "http://127.0.0.1:8000"),
        ("uvicorn shop:app --port 0", {}, None),
        ("uvicorn shop:app --port", {}, None),
        ("uvicorn shop:app --port many", {}, None),
        ("uvicorn shop:app --uds /run/shop", {}, None),
        ("uvicorn shop:app --fd 3", {}, None),
        ("gunicorn shop:app --port 9000", {}, None),
        ("shop.py --port 9000", {}, None),
        ("", {}, None),
    ],
)
def test_the_address_in_a_command_line(arguments, environment, address):
    """Of those whose options are known; for every other one nothing is said."""
    assert address_of_command(arguments.split(), environment) == address


def test_no_arguments_at_all():
    """As where Python is embedded."""
    assert address_of_command([], {}) is None
