"""The main job on a real server process: record, kill, restart, restore, serve without the app."""

import re
import sys
import time

import httpx
import pytest

from tests.servers import DEADLINE, TOKEN, free_port, running, toy

pytestmark = pytest.mark.slow
STRUCTURE = """{
  tasks { id filePath meta { title description } emits dependsOn middleware inputSchema registeredBy markdownDescription isPrivate }
  hooks { id events hookOrder } resources { id hasHealthCheck registers config } middlewares { id usedByTasks configSchema }
  events { id emittedBy listenedToBy payloadSchemaReadable } tags { id } errors { id } all { id }
  diagnostics { severity code message nodeId nodeKind } root { id }
}"""
RUNS = "{ history { runs(first: 1000) { totalCount nodes { id name correlationId status httpStatus } } } }"


@pytest.fixture
def database(tmp_path):
    return f"sqlite:///{tmp_path}/toy.db"


def test_what_was_recorded_survives_a_kill(tmp_path, database):
    """Recorded more than half a second before: it is there after kill -9, and history goes on."""
    with toy(tmp_path, TOY_DATABASE=database) as server:
        for number in range(20):
            server.get(f"/hello/{number}")
        before = server.await_that(RUNS, lambda data: data["history"]["runs"]["totalCount"] == 60)["history"][
            "runs"
        ]
        server.kill()
    with toy(tmp_path, TOY_DATABASE=database) as server:
        server.get("/hello/again")
        after = server.await_that(RUNS, lambda data: data["history"]["runs"]["totalCount"] == 63)["history"][
            "runs"
        ]
    names = {run["id"] for run in after["nodes"]}
    assert {run["id"] for run in before["nodes"]} <= names


def test_the_last_structure_is_restored_without_the_app(tmp_path, database):
    """`devtools serve` answers field for field what the running app answered."""
    with toy(tmp_path, TOY_DATABASE=database) as server:
        server.await_that("{ activeSnapshot { version } }", lambda data: data["activeSnapshot"])
        live = server.query(STRUCTURE)
        history = server.query(RUNS)
    port = free_port()
    command = [sys.executable, "-m", "devtools", "serve", "--database", database, "--port", str(port)]
    with running(command, port=port, cwd=tmp_path, mount="") as stored:
        assert stored.query(STRUCTURE) == live
        assert stored.query(RUNS) == history
        state = stored.query(
            "{ system { structure { state snapshotVersion } store { kind } } live { healthReport { report { id } } } }"
        )
        assert state["system"]["structure"] == {"state": "restored", "snapshotVersion": 1}
        assert state["live"]["healthReport"] is None


def test_changes_make_versions_and_ten_are_kept(tmp_path, database):
    """Twelve structures leave ten, the newest active; going back re-activates."""
    for version in range(12):
        with toy(tmp_path, TOY_DATABASE=database, TOY_VERSION=str(version)) as server:
            wanted = version + 1
            server.await_that(
                "{ activeSnapshot { version } }",
                lambda data, wanted=wanted: (data["activeSnapshot"] or {}).get("version") == wanted,
            )
            listed = server.query("{ snapshots { version active } }")["snapshots"]
    assert [entry["version"] for entry in listed] == list(range(12, 2, -1))
    assert [entry["version"] for entry in listed if entry["active"]] == [12]
    with toy(tmp_path, TOY_DATABASE=database, TOY_VERSION="5") as server:
        server.await_that(
            "{ activeSnapshot { version } }", lambda data: data["activeSnapshot"]["version"] == 6
        )
        assert len(server.query("{ snapshots { version } }")["snapshots"]) == 10


def test_without_a_database_no_file_appears(tmp_path):
    """Everything works from memory, and says so."""
    with toy(tmp_path) as server:
        server.get("/hello/x")
        assert server.query(RUNS)["history"]["runs"]["totalCount"] == 3
        store = server.query("{ system { store { kind why } } }")["system"]["store"]
        assert store == {"kind": "memory", "why": "no database is configured"}
        assert "no database is configured" in server.output
    assert [path.name for path in tmp_path.iterdir()] == [server.log.name]


def test_one_chain_is_followed_by_its_correlation_id(tmp_path):
    """Request, task, hook, emission and log carry the id of the answer's header."""
    with toy(tmp_path) as server:
        answer = server.get("/hello/ada")
        identifier = answer.headers["x-correlation-id"]
        found = server.query(
            """query ($ids: [String!]!) { history {
              runs(filter: {correlationIds: $ids}, order: OLDEST) { nodes { nodeId nodeKind parentId rootId } }
              logs(filter: {correlationIds: $ids, sourceIds: ["toy"]}) { nodes { message } }
              emissions(filter: {correlationIds: $ids}) { nodes { eventId emitterId payload } } } }""",
            ids=[identifier],
        )["history"]
    assert [run["nodeId"] for run in found["runs"]["nodes"]] == [
        "tests.apps.toy.count", "tests.apps.toy.greet", "GET /hello/{name}",
    ]  # fmt: skip
    assert {run["rootId"] for run in found["runs"]["nodes"]} == {"GET /hello/{name}"}
    assert found["logs"]["nodes"] == [{"message": "greeting ada"}]
    assert found["emissions"]["nodes"] == [
        {"eventId": "toy.greeted", "emitterId": "tests.apps.toy.greet", "payload": '{"name":"ada"}'}
    ]


def test_an_unhandled_exception_is_one_error_and_a_404_is_none(tmp_path):
    """However many layers it passes through."""
    with toy(tmp_path) as server:
        assert server.get("/broken").status_code == 500
        assert server.get("/refused").status_code == 404
        errors = server.query("{ history { errors { totalCount nodes { message type sourceId } } } }")[
            "history"
        ]["errors"]
    assert errors == {
        "totalCount": 1,
        "nodes": [{"message": "the toy is broken", "type": "RuntimeError", "sourceId": "GET /broken"}],
    }


def test_the_app_answers_as_without_us(tmp_path):
    """A catch-all does not take our pages, its CORS header is not on our answers, and its own answers only gain one header."""
    with toy(tmp_path) as server:
        ours = server.get("/devtools/health", headers={"Origin": server.base})
        theirs = server.get("/any/thing", headers={"Origin": "http://elsewhere.example"})
    assert ours.json() == {"status": "ok"}
    assert "access-control-allow-origin" not in ours.headers
    assert theirs.text == "caught"
    assert theirs.headers["access-control-allow-origin"] == "*"


def test_the_access_log_is_that_of_the_app(tmp_path):
    """A page of ours that is open asks every second: only what we refuse is a line, and the app's lines are as they were."""
    with toy(tmp_path) as server:
        assert server.query("{ live { runs(last: 1) { id } } }")
        assert httpx.get(f"{server.base}/devtools/", timeout=DEADLINE).is_success
        assert httpx.post(f"{server.base}/devtools/graphql", json={}, timeout=DEADLINE).status_code == 401
        assert server.get("/any/thing").text == "caught"
    lines = re.findall(r'"(?:GET|POST) (\S+) HTTP/1.1" (\d+)', server.output)
    assert ("/any/thing", "200") in lines
    assert [line for line in lines if line[0].startswith("/devtools")] == [("/devtools/graphql", "401")]


GUNICORN = ("gunicorn", "--workers=2", "--worker-class=uvicorn_worker.UvicornWorker", "--no-control-socket")


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        (("uvicorn", "--workers=2"), 2),
        (("uvicorn", "--reload"), 1),
        (GUNICORN, 2),
        ((*GUNICORN, "--preload"), 2),
    ],
    ids=["two workers", "reload", "gunicorn", "gunicorn, preloaded"],
)
def test_without_a_database_the_printed_link_works_on_every_worker(tmp_path, started, expected):
    """Whether their parent knows of devtools or not, and no file is made."""
    port = free_port()
    bound = f"--bind=127.0.0.1:{port}" if "gunicorn" in started else f"--port={port}"
    command = [sys.executable, "-m", *started, bound, "tests.apps.toy:app"]
    with running(command, port=port, cwd=tmp_path, DEVTOOLS_TOKEN="") as server:
        links = await_links(server, expected)
        body = {"query": "{ system { processes { pid } } }"}
        headers = {"Authorization": f"Bearer {links[0]}"}
        pids, deadline = set(), time.monotonic() + DEADLINE
        while len(pids) < expected:
            assert time.monotonic() < deadline, pids
            answer = httpx.post(
                f"{server.base}/devtools/graphql", json=body, headers=headers, timeout=DEADLINE
            )
            pids |= {process["pid"] for process in answer.json()["data"]["system"]["processes"]}
    assert len(set(links)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [server.log.name]


def await_links(server, count):
    """The tokens of the links in the output, one of each worker."""
    deadline = time.monotonic() + DEADLINE
    while len(found := re.findall(r"/devtools/#token=(\S+)", server.output)) < count:
        assert time.monotonic() < deadline, server.output
        time.sleep(0.05)
    return found


def test_production_installs_nothing(tmp_path):
    """No route of ours, no file, no header; one log line."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.apps.toy:app", "--port", str(port)]
    with running(command, port=port, cwd=tmp_path, ready="/pid", APP_ENV="production") as server:
        assert server.get("/devtools/graphql").text == "caught"
        assert "x-correlation-id" not in server.get("/pid").headers
    assert TOKEN not in server.output
