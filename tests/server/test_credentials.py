"""The tokens: made once, kept safely, compared, shown nowhere."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devtools.errors import UnauthenticatedError, ValidationError
from devtools.server.credentials import Credentials
from devtools.server.guard import token_file
from devtools.settings import Settings

KEPT = Settings()
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state" / "devtools"


def load(state, settings=KEPT, **options):
    options.setdefault("environment", {})
    return Credentials.load(settings, state, **options)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_token_is_made_once_and_kept(state):
    """The first start makes 256 random bits, every later start reads them; nobody else can."""
    environment = {}
    first = load(state, environment=environment)
    assert (first.origin, first.path, first.warnings) == ("file", state / "token", ())
    assert len(first.token) == 43
    assert load(state).token == first.token
    assert mode(state / "token") == 0o600
    assert mode(state) == 0o700
    assert environment == {}
    assert sorted(path.name for path in state.iterdir()) == ["token", "token.lock"]
    assert load(state.with_name("other")).token != first.token


def test_the_umask_does_not_open_the_file(state):
    """A permissive umask leaves the modes as promised."""
    previous = os.umask(0)
    try:
        load(state)
    finally:
        os.umask(previous)
    assert {mode(state / "token"), mode(state / "token.lock")} == {0o600}
    assert mode(state) == 0o700


def test_the_state_directory_follows_xdg(tmp_path):
    """`$XDG_STATE_HOME/devtools/token`; a relative value is ignored, as XDG asks."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    assert Credentials.load(KEPT, environment=environment).path == tmp_path / "devtools" / "token"
    home = Path.home() / ".local" / "state" / "devtools"
    assert token_file.default_directory({"XDG_STATE_HOME": "relative"}) == home
    assert token_file.default_directory({}) == home


def test_a_given_token_wins_and_is_not_written(state):
    """DEVTOOLS_TOKEN is used as it is; no file is made."""
    credentials = load(state, Settings(token="given"))
    assert (credentials.token, credentials.origin) == ("given", "settings")
    assert not state.exists()


@pytest.mark.parametrize("name", ["token", "read_token", "ingest_key"])
def test_a_token_that_can_be_guessed_is_warned_about(state, name):
    """The right token is always let in, so its length is what keeps guessing hopeless. The warning does not show it."""
    (warning,) = load(state, Settings(**{name: "s3cret-of-15-ch"})).warnings
    assert f"{name} (DEVTOOLS_{name.upper()}) has 15 characters" in warning
    assert "secrets.token_urlsafe(32)" in warning
    assert "s3cret" not in warning
    assert load(state, Settings(**{name: "s3cret-of-16-chs"})).warnings == ()


def test_in_memory_the_token_reaches_children_by_the_environment(state):
    """Without a database: no file, and the next process that inherits the environment has the same token."""
    environment = {}
    first = load(state, persist=False, environment=environment)
    assert (first.origin, environment["DEVTOOLS_TOKEN"]) == ("memory", first.token)
    assert load(state, persist=False, environment=environment).token == first.token
    assert not state.exists()


def test_a_token_in_memory_is_told_by_the_first_that_starts(state):
    """A parent that only imports the app, as a reloader does, leaves it to its children; after that nobody says it again."""
    environment = {}
    parent = load(state, persist=False, environment=environment)
    inherited = dict(environment)
    child = load(state, persist=False, environment=inherited)
    assert (parent.untold, child.origin, child.untold) == (True, "settings", True)
    child.told()
    assert not child.untold
    assert inherited == {"DEVTOOLS_TOKEN": parent.token}
    assert not load(state, persist=False, environment=inherited).untold
    assert load(state, persist=False, environment=dict(environment)).untold
    child.withdraw()
    assert inherited == {"DEVTOOLS_TOKEN": parent.token}, "its parent's, not its own"


def test_a_token_that_was_told_stays_so(state):
    """Also for the children of a second start."""
    environment = {}
    credentials = load(state, persist=False, environment=environment)
    credentials.told()
    credentials.withdraw()
    credentials.hand_down()
    assert environment == {"DEVTOOLS_TOKEN": credentials.token}


@pytest.mark.parametrize("persist", [True, False])
def test_a_token_of_the_user_is_not_handed_down(state, persist):
    """An argument is for this process: children have what the environment says."""
    environment = {}
    credentials = load(state, Settings(token="given"), persist=persist, environment=environment)
    credentials.hand_down()
    assert environment == {}


def test_a_token_of_the_user_is_never_told(state):
    """Also not where it replaces one that a parent has made and not told."""
    environment = {}
    load(state, persist=False, environment=environment)
    environment["DEVTOOLS_TOKEN"] = "set-by-the-user"
    assert not load(state, persist=False, environment=environment).untold
    assert not load(state, Settings(token="given"), environment=environment).untold
    assert not load(state, KEPT, environment={}).untold


def test_a_variable_that_is_empty_is_as_one_that_is_not_set(state):
    """As for the settings: children get the token."""
    environment = {"DEVTOOLS_TOKEN": ""}
    first = load(state, persist=False, environment=environment)
    assert (first.origin, environment["DEVTOOLS_TOKEN"]) == ("memory", first.token)


def test_a_token_in_memory_leaves_the_environment_with_us(state):
    """The next one makes its own; what the user has set there since stays, and is not overwritten either."""
    environment = {}
    first = load(state, persist=False, environment=environment)
    first.withdraw()
    assert environment == {}
    assert load(state, persist=False, environment=environment).origin == "memory"
    environment["DEVTOOLS_TOKEN"] = "set by the user"
    first.hand_down()
    first.withdraw()
    assert environment["DEVTOOLS_TOKEN"] == "set by the user"


def test_a_real_child_inherits_the_token_in_memory():
    """What the parent made in memory, a started process accepts."""
    code = (
        "import subprocess, sys\n"
        "from devtools.server.credentials import Credentials\n"
        "from devtools.settings import Settings\n"
        "own = Credentials.load(Settings(), persist=False).token\n"
        "if sys.argv[1] == 'parent':\n"
        "    child = subprocess.run([sys.executable, '-c', sys.argv[2], 'child', ''], capture_output=True, text=True)\n"
        "    print(own == child.stdout.strip(), len(own))\n"
        "else:\n"
        "    print(own)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DEVTOOLS_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-c", code, "parent", code],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=environment,
        check=True,
    )
    assert done.stdout.split() == ["True", "43"]


SIBLINGS = """
import multiprocessing, sys
if len(sys.argv) > 2:
    multiprocessing.current_process().authkey = sys.argv[2].encode()

def own(queue):
    from devtools.server.credentials import Credentials
    from devtools.settings import Settings
    queue.put(Credentials.load(Settings(), persist=False, environment={}).token)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue()
    started = [context.Process(target=own, args=(queue,)) for _ in range(3)]
    for each in started:
        each.start()
    print(*[queue.get(timeout=120) for _ in started])
    for each in started:
        each.join()
"""


def siblings(tmp_path, *arguments):
    """The tokens in memory of three processes that one parent started."""
    script = tmp_path / "siblings.py"
    script.write_text(SIBLINGS)
    command = [sys.executable, str(script), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=120)
    return done.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_workers_whose_parent_knows_nothing_of_us_agree_on_a_token_in_memory(tmp_path, method):
    """As those of `uvicorn --workers`: one token for all of them, another one for those of another parent."""
    first, second = siblings(tmp_path, method), siblings(tmp_path, method)
    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]
    assert len(first[0]) == 43


@pytest.mark.slow
def test_a_key_that_somebody_chose_is_not_what_the_token_comes_from(tmp_path):
    """It may stand in the source of the app."""
    assert len(set(siblings(tmp_path, "fork", "a key that stands in the source."))) == 3


RACER = """
import sys, time
from pathlib import Path
from devtools.server.credentials import Credentials
from devtools.settings import Settings
print("ready", flush=True)
sys.stdin.read()
directory = Path(sys.argv[1])
print(Credentials.load(Settings(), directory, environment={}).token)
"""


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, "", "torn"], ids=["no file", "empty file", "damaged file"])
def test_processes_that_start_together_agree_on_one_token(tmp_path, before):
    """Eight real processes let go at once: one token, also where each of them finds a file to mend."""
    state = tmp_path / "devtools"
    if before is not None:
        state.mkdir()
        (state / "token").write_text(before)
    command = [sys.executable, "-c", RACER, str(state)]
    gate, opened = os.pipe()
    racers = [
        subprocess.Popen(command, stdin=gate, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        for _ in range(8)
    ]
    os.close(gate)
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    os.close(opened)
    tokens = {racer.communicate(timeout=120)[0].strip() for racer in racers}
    assert tokens == {(state / "token").read_text().strip()}
    assert len(tokens.pop()) == 43
    assert sorted(path.name for path in state.iterdir()) == ["token", "token.lock"]


def _readable(path):
    path.chmod(0o644)


def _empty(path):
    path.write_text("")


def _damaged(path):
    path.write_text("not a token\n")


def _long(path):
    path.write_text("x" * 100_000)


def _linked(path):
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


def _hard_linked(path):
    path.with_name("elsewhere").hardlink_to(path)


def _pipe(path):
    path.unlink()
    os.mkfifo(path, 0o600)


def _of_another_user(path):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(path, 12_345, 12_345)


@pytest.mark.parametrize(
    "damage",
    [_readable, _empty, _damaged, _long, _linked, _hard_linked, _pipe, _of_another_user],
    ids=lambda function: function.__name__.strip("_"),
)
def test_a_file_that_cannot_be_trusted_is_replaced(state, damage):
    """Others could have read or written it: a new token, in a file of its own, with the right mode."""
    old = load(state).token
    damage(state / "token")
    fresh = load(state)
    assert fresh.origin == "file"
    assert fresh.token != old
    assert (state / "token").is_file()
    assert not (state / "token").is_symlink()
    assert mode(state / "token") == 0o600
    assert load(state).token == fresh.token


def test_a_directory_open_to_others_is_closed(state):
    """The mode is repaired; the token, which stayed 0600, is kept."""
    old = load(state).token
    state.chmod(0o777)
    assert load(state).token == old
    assert mode(state) == 0o700


def _blocked_by_a_file(state):
    state.parent.mkdir()
    state.write_text("")


def _a_link(state):
    state.parent.mkdir()
    elsewhere = state.with_name("elsewhere")
    elsewhere.mkdir()
    state.symlink_to(elsewhere)


def _foreign(state):
    if os.geteuid() != 0:
        pytest.skip("only root can give directories away")
    state.mkdir(parents=True)
    os.chown(state, 12_345, 12_345)


def _token_is_a_directory(state):
    (state / "token").mkdir(parents=True)


@pytest.mark.parametrize(
    "block",
    [_blocked_by_a_file, _a_link, _foreign, _token_is_a_directory],
    ids=lambda function: function.__name__.strip("_"),
)
def test_where_it_cannot_be_kept_the_token_lives_in_memory(state, block):
    """The start goes on with a token of its own, says so, and leaves no half file."""
    block(state)
    environment = {}
    credentials = load(state, environment=environment)
    assert credentials.origin == "memory"
    assert environment["DEVTOOLS_TOKEN"] == credentials.token
    assert "DEVTOOLS_TOKEN" in credentials.warnings[0]
    assert credentials.token not in credentials.warnings[0]
    assert not list(state.parent.rglob(".token-*"))


def test_a_stopped_process_that_holds_the_lock_delays_nobody_for_ever(state, monkeypatch):
    """After the wait the token lives in memory; a token that is already there needs no lock."""
    monkeypatch.setattr(token_file, "LOCK_SECONDS", 0.05)
    state.mkdir(parents=True)
    code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(state / "token.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        begun = time.monotonic()
        assert load(state).origin == "memory"
        assert time.monotonic() - begun < 20
        (state / "token").write_text("x" * 43)
        (state / "token").chmod(0o600)
        assert load(state).token == "x" * 43
    finally:
        holder.communicate()


@pytest.mark.parametrize(
    ("token", "scope", "actor"),
    [
        ("write-token", "write", "token"),
        ("read-token", "read", "read token"),
        ("ingest-key", "ingest", "ingest key"),
    ],
)
def test_each_token_grants_its_scope(state, token, scope, actor):
    """Three tokens, three scopes; the actor names the token and never shows it."""
    settings = Settings(token="write-token", read_token="read-token", ingest_key="ingest-key")
    granted = load(state, settings).check(token, "127.0.0.1")
    assert (granted.scope, granted.actor, granted.client) == (scope, actor, "127.0.0.1")
    assert granted.reads == (scope != "ingest")
    assert granted.writes == (scope == "write")


@pytest.mark.parametrize(
    "token", [None, "", "other", "given ", "GIVEN", "give", "givenx", "\ud800", "x" * 1_000_000]
)
def test_everything_else_is_no_token(state, token):
    """Nothing but the exact text; the message names what to do and shows no token."""
    with pytest.raises(UnauthenticatedError, match="DEVTOOLS_TOKEN") as caught:
        load(state, Settings(token="given")).check(token, "127.0.0.1")
    assert "given" not in str(caught.value)
    assert token is None or len(str(caught.value)) < 500


def test_without_auth_nothing_is_asked_and_the_user_is_warned(state):
    """`auth=None` makes no token, writes no file, and says what it means."""
    credentials = load(state, Settings(auth=None))
    assert credentials.token is None
    assert not credentials.required
    assert credentials.check(None, "127.0.0.1").writes
    assert credentials.link("http://localhost:1337") == "http://localhost:1337/"
    assert credentials.warnings
    assert not state.exists()


def test_the_link_carries_the_token_in_its_fragment(state):
    """Browsers keep the fragment to themselves; characters with a meaning are escaped."""
    credentials = load(state, Settings(token="a&b#c/d?e"))
    link = credentials.link("http://localhost:8000/devtools/")
    assert link == "http://localhost:8000/devtools/#token=a%26b%23c%2Fd%3Fe"


def test_no_representation_shows_a_token(state):
    """Neither the object nor its parts, nor a log line that is concealed."""
    settings = Settings(token="write-token", read_token="read-token", ingest_key="ingest-key")
    credentials = load(state, settings)
    shown = f"{credentials!r} {credentials} {credentials._known!r}"
    assert "-token" not in shown
    assert "-key" not in shown
    assert load(state).token not in repr(load(state))
    assert credentials.conceal("a write-token b ingest-key") == "a (token) b (token)"


@pytest.mark.parametrize(
    "options",
    [
        {"token": "two words"},
        {"token": "ünïcode"},
        {"token": "line\n"},
        {"token": ""},
        {"token": "x" * 513},
        {"token": "same", "read_token": "same"},
        {"token": "other", "read_token": "same", "ingest_key": "same"},
        {"auth": None, "allow_remote": True},
    ],
    ids=str,
)
def test_tokens_that_cannot_work_are_refused(state, options):
    """What no header can carry, or what would grant two scopes, is refused before anything starts."""
    with pytest.raises(ValidationError) as caught:
        load(state, Settings(**options))
    assert caught.value.field in options
    assert "same" not in str(caught.value) + str(caught.value.extensions)


def test_an_inherited_token_is_checked_like_a_given_one(state):
    """A weak DEVTOOLS_TOKEN in the environment does not slip past `allow_remote`."""
    with pytest.raises(ValidationError):
        load(state, Settings(allow_remote=True), environment={"DEVTOOLS_TOKEN": "weak"})
