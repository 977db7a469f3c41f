"""The command line: answers on stdout, messages on stderr, exit codes that a script can use."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.promises import SHUTDOWN_SECONDS
from tests.servers import ROOT, TOKEN, free_port, running, toy

pytestmark = pytest.mark.slow
TOY = "tests.apps.toy:app"


def devtools(*arguments, cwd, check=None, **environment):
    """Run the command; answers the finished process."""
    done = subprocess.run(
        [sys.executable, "-m", "devtools", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DEVTOOLS_TOKEN": TOKEN, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    if check is not None:
        assert done.returncode == check, (done.stdout, done.stderr)
    return done


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A database that a server has written and left."""
    folder = tmp_path_factory.mktemp("recorded")
    url = f"sqlite:///{folder}/toy.db"
    with toy(folder, TOY_DATABASE=url) as server:
        server.get("/hello/ada")
        server.await_that("{ activeSnapshot { version } }", lambda data: data["activeSnapshot"])
        answer = server.await_that(
            "{ tasks { id emits } history { runs { totalCount } } }",
            lambda data: data["history"]["runs"]["totalCount"] == 3,
        )
        server.stop()
    return url, answer, folder


def test_a_mutation_of_a_database_leaves_an_audit_entry(recorded, tmp_path):
    """As over a server: what is allowed is written down."""
    url, _, _ = recorded
    query = 'mutation { labelSnapshot(version: 1, label: "first") { label } }'
    devtools("query", query, "--database", url, "--allow-mutations", cwd=tmp_path, check=0)
    asked = "{ audit { nodes { action target actor } } }"
    answer = json.loads(devtools("query", asked, "--database", url, cwd=tmp_path, check=0).stdout)
    assert answer["audit"]["nodes"] == [{"action": "labelSnapshot", "target": "1", "actor": "cli"}]
    asked = "{ system { processes { app role } } }"
    seen = json.loads(devtools("query", asked, "--database", url, cwd=tmp_path, check=0).stdout)
    assert len({process["app"] for process in seen["system"]["processes"]}) == 1
    assert {process["role"] for process in seen["system"]["processes"]} == {"main", "cli"}


def test_the_token_goes_nowhere_else(tmp_path):
    """A redirect is not followed, and a proxy of the environment is not asked about this machine."""
    seen = []

    class Other(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((self.path, self.headers["Authorization"]))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.2:{self.server.server_port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("0.0.0.0", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            endpoint = f"http://127.0.0.1:{server.server_port}/graphql"
            proxy = f"http://127.0.0.1:{server.server_port}/proxy"
            done = devtools("ping", "--endpoint", endpoint, cwd=tmp_path, http_proxy=proxy, no_proxy="")
        finally:
            server.shutdown()
            thread.join()
    assert done.returncode == 1
    assert "302" in done.stderr
    assert f"http://127.0.0.2:{server.server_port}/elsewhere, which is not followed" in done.stderr
    assert [path for path, _ in seen] == ["/graphql"]


def test_what_is_too_long_for_a_server_is_said_with_its_limit(tmp_path):
    """Whether its answer arrives or the connection breaks while the rest is sent."""
    with toy(tmp_path, DEVTOOLS_IMPORT_SNAPSHOTS="1") as server:
        at = ["--endpoint", f"{server.base}/devtools/graphql"]
        server.await_that("{ activeSnapshot { version } }", lambda data: data["activeSnapshot"])
        document = devtools("snapshots", "export", "active", *at, cwd=tmp_path, check=0).stdout
        (tmp_path / "large.json").write_text(document + " " * 8_000_000)
        done = devtools("snapshots", "import", "large.json", *at, cwd=tmp_path)
    assert done.returncode == 1
    assert "limits.body_bytes" in done.stderr
    assert "1,000,000" in done.stderr


def test_help_names_every_command(tmp_path):
    """And imports none of them."""
    shown = devtools("--help", cwd=tmp_path, check=0).stdout
    assert all(name in shown for name in ("run", "serve", "query", "schema", "ping", "open", "config", "db"))


def test_version_names_the_distribution(tmp_path):
    """`devtools-server`, which is not the import name."""
    assert devtools("--version", cwd=tmp_path, check=0).stdout.startswith("devtools-server")


def test_a_database_answers_as_the_server_did(recorded):
    """The app's code is not there, the answers are."""
    url, answer, folder = recorded
    done = devtools(
        "query",
        "{ tasks { id emits } history { runs { totalCount } } }",
        "--database",
        url,
        "--format",
        "data",
        cwd=folder,
        check=0,
    )
    assert json.loads(done.stdout) == answer
    assert done.stderr == ""


def test_an_endpoint_answers_with_our_own_token(tmp_path):
    """No header by hand on this machine."""
    with toy(tmp_path) as server:
        endpoint = f"{server.base}/devtools/graphql"
        done = devtools(
            "query",
            "{ system { store { kind } } }",
            "--endpoint",
            endpoint,
            "--format",
            "json",
            cwd=tmp_path,
            check=0,
        )
        assert json.loads(done.stdout) == {"data": {"system": {"store": {"kind": "memory"}}}}
        assert "store memory" in devtools("ping", cwd=tmp_path, check=0, ENDPOINT=endpoint).stdout
        refused = devtools("ping", "--endpoint", endpoint, cwd=tmp_path, check=1, DEVTOOLS_TOKEN="x" * 43)
        assert "401" in refused.stderr or "token" in refused.stderr


@pytest.mark.parametrize("given", ["", "/", "/devtools", "/devtools/"])
def test_an_address_that_is_not_the_endpoint_is_answered_with_the_endpoint(tmp_path, given):
    """The catch-all of the toy answers there, with what is not GraphQL."""
    with toy(tmp_path) as server:
        done = devtools("query", "{ tasks { id } }", "--endpoint", server.base + given, cwd=tmp_path, check=1)
        meant = f"{server.base}/devtools/graphql"
        if given in ("", "/"):  # or `devtools serve`
            meant += f" or {server.base}/graphql"
        assert f"did you mean {meant}?" in done.stderr


def test_an_entry_is_imported_and_described(tmp_path):
    """Without a server and without a file."""
    done = devtools(
        "query",
        '{ task(id: "GET /pid") { id filePath } }',
        "--entry",
        TOY,
        "--format",
        "data",
        cwd=ROOT,
        check=0,
    )
    assert json.loads(done.stdout)["task"] == {"id": "GET /pid", "filePath": "tests/apps/toy.py"}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["query", "{ x }"], 2, "--endpoint"),
        (["query", "{ x }", "--endpoint", "http://a", "--entry", "a:b"], 2, "only one"),
        (["query", "mutation { clear(confirm: \"x\") { removed } }", "--entry", TOY], 1, "--allow-mutations"),
        (["query", "{ x }", "--entry", TOY, "--variables", "["], 1, "--variables"),
        (["query", "{ system { x } }", "--entry", TOY], 1, "'x' on type 'System'. (line 1, column 12)"),
        (["query", "{ a", "--entry", TOY], 1, "(line 1, column 4)"),
        (["query", " ", "--entry", TOY], 1, "The query is empty"),
        (["snapshots", "show", "9", "--entry", TOY], 1, "no snapshot 9. `devtools snapshots list`"),
        (["query", "{ x }", "--database", "sqlite:///tests"], 1, "that is a directory"),
        (["query", "{ x }", "--entry", "nowhere.at_all:app"], 1, "nowhere.at_all"),
        (["query", "{ x }", "--entry", "tests.apps.toy:nothing"], 1, "nothing"),
        (["query", "{ x }", "--database", "sqlite:///not-there.db"], 1, "no such file"),
        (["query", "{ x }", "--database", "oracle://x/y"], 1, "oracle"),
        (["query", "{ x }", "--endpoint", "ftp://x"], 1, "http://"),
        (["ping", "--endpoint", "http://127.0.0.1:9/devtools/graphql"], 1, "Is the server running"),
        (["serve"], 2, "--database"),
        (["serve", "--database", "sqlite:///not-there.db"], 1, "no such file"),
        (["run", TOY, "--host", "0.0.0.0"], 1, "allow"),
        (["db", "upgrade"], 2, "--database"),
        (["open", "--endpoint", "file:///etc"], 1, "http://"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(arguments, code, told):
    """Exit code 2 for a call that names nothing, 1 for what cannot be done; no traceback."""
    done = devtools(*arguments, cwd=ROOT, check=code)
    assert told in done.stderr
    assert not (ROOT / "not-there.db").exists()


def test_a_port_in_use_is_named(recorded):
    """And how to choose another."""
    url, _, folder = recorded
    port = free_port()
    command = [sys.executable, "-m", "devtools", "serve", "--database", url, "--port", str(port)]
    with running(command, port=port, cwd=folder, mount=""):
        done = devtools("serve", "--database", url, "--port", str(port), cwd=folder, check=1)
    assert f"Port {port}" in done.stderr
    assert "--port" in done.stderr


def test_run_mounts_an_app_that_does_not(tmp_path):
    """No line in the app: devtools at /devtools, the app at /."""
    (tmp_path / "bare.py").write_text(
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'bare'})\n"
    )
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "devtools",
        "run",
        "bare:app",
        "--port",
        str(port),
        "--database",
        f"sqlite:///{tmp_path}/b.db",
    ]
    with running(command, port=port, cwd=tmp_path) as server:
        assert server.get("/").text == "bare"
        found = server.await_that(
            "{ history { runs { nodes { nodeId httpStatus app } } } }",
            lambda data: data["history"]["runs"]["nodes"],
        )
        assert f"{server.base}/devtools/#token=" in server.output
        assert server.stop() <= SHUTDOWN_SECONDS
    assert found["history"]["runs"]["nodes"] == [{"nodeId": "unmatched", "httpStatus": 200, "app": "bare"}]


def test_the_schema_is_the_committed_one():
    """A review sees the effect of a change."""
    shown = devtools("schema", "sdl", cwd=ROOT, check=0).stdout
    assert shown.strip() == (ROOT / "tests" / "schema.graphql").read_text().strip()
    asked = devtools("schema", "sdl", "--entry", "tests.apps.toy:app", cwd=ROOT, check=0).stdout
    assert asked == shown
    described = json.loads(devtools("schema", "json", cwd=ROOT, check=0).stdout)
    assert described["data"]["__schema"]["queryType"]["name"] == "Query"


def test_config_shows_values_origins_and_no_secret(tmp_path):
    """Every option, where it came from, the resolved path."""
    shown = devtools(
        "config", "--meaning", cwd=tmp_path, check=0, DEVTOOLS_DATABASE="sqlite:///x.db", DEVTOOLS_PROT="1"
    )
    assert f"sqlite:///{tmp_path}/x.db  [environment]  DEVTOOLS_DATABASE" in shown.stdout
    assert TOKEN not in shown.stdout + shown.stderr
    assert "DEVTOOLS_PROT" in shown.stderr


def test_db_upgrade_and_status(tmp_path):
    """Made once; then there is nothing to do. Each says first where, the path resolved: a mistyped name makes another file."""
    url = f"sqlite:///{tmp_path}/new.db"

    def done(command: str) -> list[str]:
        return devtools(
            "db", command, "--database", "sqlite:///new.db", cwd=tmp_path, check=0
        ).stdout.splitlines()

    assert done("upgrade")[:2] == [url, "applied 0001_initial"]
    assert done("upgrade") == [url, "nothing to apply"]
    assert done("status")[:2] == [url, "applied  0001_initial"]


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"ENV": "production"}, "None, here False: ENV=production and enabled is not set  [default]"),
        ({"ENV": "test"}, "None, here True: no environment variable says production  [default]"),
        ({"ENV": "production", "DEVTOOLS_ENABLED": "1"}, "True  [environment]"),
    ],
)
def test_config_says_whether_it_is_enabled_here(tmp_path, environment, told):
    lines = devtools("config", cwd=tmp_path, check=0, **environment).stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("enabled "))
    assert line.split(maxsplit=1)[1].startswith(told)


def test_open_prints_the_link_of_a_server_that_knows_the_token(tmp_path):
    """The token stands in the fragment; a server with another token, or none there, is said."""
    with toy(tmp_path) as server:
        url = f"{server.base}/devtools"
        done = devtools("open", "--print", "--endpoint", url, cwd=tmp_path, check=0)
        assert done.stdout.strip() == f"{url}/#token={TOKEN}"
        other = devtools("open", "--print", "--endpoint", url, cwd=tmp_path, check=1, DEVTOOLS_TOKEN="x" * 43)
        assert "token" in other.stderr
        assert other.stdout == ""
        unknown = devtools(
            "open", "--print", "--endpoint", url, cwd=tmp_path, check=1, DEVTOOLS_TOKEN="", HOME=str(tmp_path)
        )
        assert "another one than is known here" in unknown.stderr
        asked = devtools(
            "ping", "--endpoint", f"{url}/graphql", cwd=tmp_path, DEVTOOLS_TOKEN="", HOME=str(tmp_path)
        )
        assert "A token is needed" in asked.stderr
        assert not (tmp_path / ".local").exists(), "who asks makes no token"
    gone = devtools("open", "--print", "--endpoint", url, cwd=tmp_path, check=1)
    assert gone.stderr.endswith("Connection refused. Is the server running there?\n")


@pytest.mark.parametrize(
    "command", [("catalogue",), ("snapshots", "export", "running")], ids=lambda command: command[0]
)
def test_a_file_that_cannot_be_written_is_one_line(tmp_path, command):
    """With its name, the reason and what to do."""
    missing = str(tmp_path / "missing" / "file")
    entry = ("--entry", TOY, "--output", missing)
    refused = devtools(*command, *entry, cwd=tmp_path, check=1)
    expected = f"devtools: --output cannot be {missing!r}: No such file or directory. Name a file that can be written."
    assert refused.stderr.strip().splitlines()[-1] == expected


def test_a_file_is_written_whole_or_as_it_can_be(tmp_path):
    """Replaced, with its permissions; in place where it has another name, or is no file."""
    plain, linked = tmp_path / "plain.html", tmp_path / "linked.html"
    for file in (plain, linked):
        file.write_text("before")
        file.chmod(0o640)
    os.link(linked, tmp_path / "other.html")
    before = plain.stat().st_ino
    for file in (plain, linked, "/dev/null"):
        devtools("catalogue", "--entry", TOY, "--output", str(file), cwd=tmp_path, check=0)
    assert plain.stat().st_ino != before
    assert plain.stat().st_mode & 0o777 == 0o640
    assert "<html" in (tmp_path / "other.html").read_text()
    assert {found.name for found in tmp_path.iterdir()} == {"plain.html", "linked.html", "other.html"}


def test_an_overview_has_a_schema_on_one_line(tmp_path):
    """What stands on lines of its own is parted as TypeScript does."""
    shown = devtools("overview", "--entry", "examples.shop.app:app", cwd=ROOT, check=0).stdout
    assert "  - takes: { productId: string; quantity?: integer }\n" in shown
    assert "  - takes: { order_id: integer }\n" in shown


def test_an_overview_of_an_imported_app_says_that_it_was_only_imported(tmp_path):
    """Nothing of it ran: there is no version, and no store of its own."""
    shown = devtools("overview", "--entry", TOY, cwd=ROOT, check=0).stdout
    assert "store memory (the app was only imported" in shown
    assert "version" not in shown.partition("##")[0]


def test_what_is_typed_wins_over_the_endpoint_of_the_environment(tmp_path):
    """An app may have an ENDPOINT of its own. Two that are typed are still refused."""
    query = "{ system { store { why } } }"
    done = devtools("query", query, "--entry", TOY, cwd=tmp_path, check=0, ENDPOINT="http://x.example")
    assert json.loads(done.stdout)["system"]["store"]["why"].startswith("the app was only imported;")
    both = ("--endpoint", "http://x.example", "--entry", TOY)
    assert "name only one of" in devtools("query", query, *both, cwd=tmp_path, check=2).stderr


def test_the_database_of_the_settings_is_asked_where_nothing_is_named(recorded, tmp_path):
    """From the environment or from pyproject.toml; what is typed wins, and without any of them one line says what to name."""
    query, (url, _, _) = "{ system { store { kind } } }", recorded
    for environment in ({"DEVTOOLS_DATABASE": url}, {}):
        if not environment:
            (tmp_path / "pyproject.toml").write_text(f'[tool.devtools]\ndatabase = "{url}"\n')
        done = devtools("query", query, cwd=tmp_path, check=0, **environment)
        assert json.loads(done.stdout)["system"]["store"]["kind"] == "sqlite"
        assert devtools("snapshots", "list", cwd=tmp_path, check=0, **environment).stderr == ""
        typed = devtools("query", query, "--entry", TOY, cwd=tmp_path, check=0, **environment)
        assert json.loads(typed.stdout)["system"]["store"]["kind"] == "memory"
    (tmp_path / "pyproject.toml").unlink()
    assert "name one of --endpoint" in devtools("query", query, cwd=tmp_path, check=2).stderr


def test_without_a_database_the_link_is_in_the_output(tmp_path):
    """The token is in memory alone: nothing else could tell it."""
    with toy(tmp_path, DEVTOOLS_TOKEN="") as server:
        (link,) = re.findall(r"/devtools/#token=(\S+)", server.output)
        body = {"query": "{ system { store { kind } } }"}
        answer = httpx.post(
            f"{server.base}/devtools/graphql",
            json=body,
            headers={"Authorization": f"Bearer {link}"},
            timeout=30,
        )
    assert answer.json() == {"data": {"system": {"store": {"kind": "memory"}}}}
