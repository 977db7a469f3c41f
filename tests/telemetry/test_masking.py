"""Masking: planted secrets never show, and what is no secret stays as it is."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devtools.telemetry.masking import (
    MARK,
    Rules,
    find,
    is_luhn_valid,
    is_plainly_clean,
    is_secret_name,
    mask_header,
    mask_query,
    mask_text,
)

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAplanted\nq83vEj==\n-----END RSA PRIVATE KEY-----"

PLANTED = [
    ("Authorization: Bearer s3cr3tplanted", "s3cr3tplanted"),
    ("sent bearer abc.def~ghi+1/2== upstream", "abc.def~ghi+1/2=="),
    ("authorization: Basic cGxhbnRlZDpzZWNyZXQ=", "cGxhbnRlZDpzZWNyZXQ="),
    ("used Basic cGxhbnRlZDpzZWNyZXQ= there", "cGxhbnRlZDpzZWNyZXQ="),
    (f"token is {JWT}", JWT.split(".")[1]),
    ("postgres://shop:pl4nted@db.internal/shop", "pl4nted"),
    ("postgres://shop:pl@nt/ed@db.internal/shop", "nt/ed"),
    ("redis://:pl4nted@cache:6379/0", "pl4nted"),
    ("https://ghtokenplanted1234@github.com/x.git", "ghtokenplanted1234"),
    (PEM, "MIIEowIBAAKCAQEAplanted"),
    (PEM[:60], "MIIEowIBAAKCAQEA"[:10]),
    ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
    ("[SQL: INSERT]\n[parameters: ('ada@planted',)]\n(Background on this error", "planted"),
    ("[parameters: (Note('a]\n\nplanted'),)]\n(Background on this error", "planted"),
    ("[parameters: (Note('a\nplanted'),)]", "planted"),
    ("[parameters: (Note('a\nplan", "plan"),
    ("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    ("sk-ant-api03-planted0planted0planted0", "planted0planted0"),
    ("paid with 4111 1111 1111 1111 today", "4111 1111 1111 1111"),
    ("paid with 5500-0000-0000-0004", "5500-0000-0000-0004"),
    ("card=378282246310005", "378282246310005"),
    ("card_number: 4111111111111111", "4111111111111111"),
    ("password=hunter2planted", "hunter2planted"),
    ("db_password = 'hunter2 planted'", "hunter2 planted"),
    ('{"api_key": "planted", "n": 1}', "planted"),
    ("{'clientSecret': 'planted', 'n': 1}", "planted"),
    ("X-Api-Key: planted", "planted"),
    ("Cookie: theme=dark; sid=planted\r\nAccept: */*", "planted"),
    ("Set-Cookie: sid=planted; HttpOnly", "planted"),
    ("GET /login?access_token=planted&next=/", "planted"),
    ("https://shop/cb?code=Spl0xlOBeZQQYbYS6WxSbIA&state=xyz", "Spl0xlOBeZQQYbYS6WxSbIA"),
    ("curl --password planted http://x", "planted"),
    (r'{"body": "{\"password\": \"planted\"}"}', "planted"),
    ("refresh_token=planted;scope=all", "planted"),
    ("PGPASSWORD=planted psql", "planted"),
    ("headers: [(b'x-auth-token', b'x')] token=b'planted'", "planted"),
    ('{"password": ["planted"]}', "planted"),
    ("{'password': ['planted', 'x'], 'n': 1}", "planted"),
    ("password=('x', 'planted',)", "planted"),
    ("password={'v': {'w': 'a}b', 'x': 'planted'}}", "planted"),
    ('{"password": [\n  "x",\n  "planted', "planted"),
    (r'{"body": "{\"password\": [\"planted\"]}"}', "planted"),
    ('127.0.0.1:5 - "GET /?q=Bearer%20planted HTTP/1.1" 200', "planted"),
    ("GET /a?url=postgres%3A%2F%2Fu%3Aplanted%40h&n=1 200", "planted"),
    ("GET /a?n=1&%70assword=planted 200", "planted"),
    ("GET /a?n=1&%63ode=plantedplanted1plan 200", "planted"),
    ("GET /a?next=%2Flogin%3Fpassword%3Dplanted 200", "planted"),
    ("<password>planted</password>", "planted"),
    ('<c:api-key kind="x">planted</c:api-key>', "planted"),
    ("<password><![CDATA[planted]]></password>", "planted"),
    ("connecting\n  password: two planted words\nuser: bob", "planted words"),
    ("curl -u bob:planted http://x", "planted"),
    ("curl --user=bob:planted http://x", "planted"),
    ("curl -ubob:planted http://x", "planted"),
    ("mysql -uroot -pplanted shop", "planted"),
    ("INSERT INTO users (name, password) VALUES ('bob', 'planted')", "planted"),
    ("insert into shop.users(`password`,name) values ('it''s planted','bob'), ('x','y')", "s planted"),
    (
        "INSERT INTO users (name, password) VALUES ('a', 'x'), (lower('B, c'), 'planted') RETURNING id",
        "planted",
    ),
]


@pytest.mark.parametrize(("text", "secret"), PLANTED)
def test_a_planted_secret_does_not_show(text, secret):
    """Whatever its form, the secret is gone and the mark stands in its place."""
    masked = mask_text(text)
    assert secret not in masked
    assert MARK in masked


def test_what_follows_the_parameters_of_a_statement_stays():
    """The link that SQLAlchemy adds, and the rest of a chain of tracebacks."""
    link = "]\n(Background on this error at: https://sqlalche.me/e/20/gkpj)"
    chain = "]\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback"
    group = link.replace("\n", "\n    | ") + "\n    +---------------- 2 ----------------"
    for rest in (link, chain, group, link.replace("\n", "\r\n")):
        assert mask_text(f"[parameters: ('ada',){rest}") == f"[parameters: {MARK}{rest}"


HARMLESS = [
    "order 12345 placed for customer 77",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "at 2026-11-20T23:25:21.123456Z took 12.5 ms",
    "unix time 1795218770170048828 ns, 1795218770170 ms",
    "uuid 550e8400-e29b-41d4-a716-446655440000",
    "order_id=4111111111111111",
    '{"id": "4111111111111111"}',
    "invoice 1234567890123456",
    "0.4111111111111111 of the whole",
    "loading [parameters: 7B] of the model\nepoch 1",
    "tokens=500 max_tokens: 4096 total_tokens=12",
    "password_changed_at=2026-01-01",
    "auth: ok, session: started",
    "http://localhost:8000/a@b?x=1",
    "see http://host:8080/path/to@file",
    "Bearer of bad news; the bearer token is missing",
    "Basic information about tasks",
    "GET /cart/12?page=2&sort=name 200",
    "SELECT * FROM orders WHERE id = 12 AND total > 3.5",
    "ValueError: invalid literal for int() with base 10: 'x'",
    "code=404 key=name state=open",
    "phone +4111111111111111",
    "secret=None password=null",
    "password=[] token={} secret=() api_key=[None]",
    "auth: (none), session: [open]",
    "GET /a?q=a%20b+c&page=2&next=%2Fcart%3Fn%3D1 HTTP/1.1 200",
    "<name>bob</name><total>3</total>",
    "INSERT INTO orders (sku, quantity) VALUES ('sku-2', 3)",
    "SELECT a FROM b WHERE c IN ('x', 'y')",
    "mkdir -p /var/data && ssh -p 22 host; mysql -p shop",
    "docker run -u 1000:1000 image",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text):
    """Ids, order numbers, times, hashes and prose are not touched."""
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "name",
    ["password", "Password", "X-API-Key", "apiKey", "client_secret", "accessToken", "refresh-token", "sessionid",
     "csrfmiddlewaretoken_token", "PGPASSWORD", "dbPassword", "private_key", "Set-Cookie", "connect.sid", "code_verifier"],
)  # fmt: skip
def test_secret_names_in_every_style(name):
    """Camel case, dashes, underscores, capitals."""
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["tokens", "max_tokens", "token_count", "session_id", "passenger", "author", "secretary", "keyboard",
     "password_changed_at", "primary_key", "sort_key", "status_code", "compass"],
)  # fmt: skip
def test_names_that_only_look_secret(name):
    """Words that merely contain a secret word stay readable."""
    assert not is_secret_name(name)


def test_more_names_and_an_allow_list():
    """`mask` adds names; the callback keeps what it is asked about."""
    rules = Rules.of(["Tax-Number"])
    assert mask_text("tax_number=12-345", rules) == f"tax_number={MARK}"
    allowing = Rules.of(allow=lambda text: text == "password")
    assert is_secret_name("password", allowing) is False
    assert is_secret_name("api_key", allowing) is True


def test_an_allow_list_that_raises_hides():
    """A bug in the callback never shows a secret."""
    rules = Rules.of(allow=lambda text: 1 / 0)
    assert mask_text("password=planted", rules) == f"password={MARK}"


def test_a_password_in_a_line_of_prose():
    """Where its name begins the line it goes to the end of its phrase; elsewhere one word goes."""
    assert mask_text("password: correct horse battery, user: bob") == f"password: {MARK}, user: bob"
    assert mask_text("password: correct horse user=bob") == f"password: {MARK} user=bob"
    assert mask_text("with password: planted it failed") == f"with password: {MARK} it failed"


def test_columns_beside_a_secret_stay():
    """Only the value of the secret column is hidden."""
    masked = mask_text("INSERT INTO users (name, password) VALUES ('bob', 'x'), ('eve', 'y')")
    assert masked == f"INSERT INTO users (name, password) VALUES ('bob', '{MARK}'), ('eve', '{MARK}')"


def test_literals():
    """Whatever the callback says; in headers and queries too."""
    rules = Rules.of(allow=lambda text: True, literals=["planted", "", "planted longer"])
    assert mask_text("a planted longer, planted.", rules) == f"a {MARK}, {MARK}."
    assert "planted" not in mask_header("x-a", "planted", rules)
    assert "planted" not in mask_query("planted=1&a=planted&b=%70lanted", rules)


def test_query_strings():
    """By name, percent-encoded or not, and by shape."""
    assert mask_query("token=planted&page=2") == f"token={MARK}&page=2"
    assert mask_query("pass%77ord=planted&q=a%20b") == f"pass%77ord={MARK}&q=a%20b"
    assert "planted" not in mask_query("h=Bearer%20planted123")
    assert mask_query("order_id=4111111111111111") == "order_id=4111111111111111"
    assert mask_query("") == ""


def test_headers():
    """A cookie goes whole; a harmless header stays."""
    assert mask_header("cookie", "a=b; c=d") == MARK
    assert mask_header("accept", "text/html") == "text/html"
    assert "planted" not in mask_header("referer", "https://x/?password=planted")


def test_findings_say_which_rule():
    """The dry run names the rule and the place."""
    text = "password=planted and AKIAIOSFODNN7EXAMPLE"
    assert [(found.rule, text[found.start : found.end]) for found in find(text)] == [
        ("name", "planted"),
        ("aws", "AKIAIOSFODNN7EXAMPLE"),
    ]


@given(st.text(max_size=200))
@settings(deadline=None)
def test_masking_is_idempotent(text):
    """Masking what is masked changes nothing more."""
    once = mask_text(text)
    assert mask_text(once) == once


@given(
    st.text(alphabet="abcxkseyJBprotn =:@/-_.\"'?&019 \n", max_size=80),
    st.sampled_from([secret for _, secret in PLANTED] + [text for text, _ in PLANTED]),
    st.integers(0, 80),
)
@settings(deadline=None)
def test_the_cheap_look_never_overlooks(noise, planted, position):
    """What is plainly clean has no finding, wherever a secret is planted."""
    text = noise[:position] + planted + noise[position:]
    if text.isascii() and is_plainly_clean(text):
        assert find(text) == []


@given(st.text(alphabet="0123456789", min_size=1, max_size=20))
def test_luhn_accepts_exactly_one_check_digit(digits):
    """Of the ten check digits one is valid."""
    assert sum(is_luhn_valid(digits + check) for check in "0123456789") == 1


TRIGGERS = [
    "a", "a=", "://", "://a:b", "://:", "https://a", "https://", "http://aaaaaaaaaaaaaaaa", "@", "1234 ", '"',
    'pw=\\"\\', "Bearer ", "eyJ", "eyJaaaaaa.", "-eyJaaaaaa", "_eyJ", "-----BEGIN A-----", "-----END ",
    "password: ", "password:(", "password=['", "token=\\'", 'pw="', "session:", "auth:", "auth:1", "--a ",
    "Basic YTpi ", "&code=", "?code=", "?a=%20", "&a=b%", "%25", "?", "password_", "4111 1111 1111 1111 ",
    "4111111111111111 ", "AKIA", "ghp_", "github_pat_", "xoxb-", "sk-", "AIza", "\\\\'", "é: ", "a[", "a.",
    "<a ", "<password>", "<a>", "</", "curl ", "-u ", " -u a:", "mysql ", " -pa", "insert into a (",
    "insert into a (password) values (", "('", "values ", "[", "]", "{", "\n", "\t", " ", ":", "/", "'",
]  # fmt: skip
"""What each rule begins with."""


@pytest.mark.parametrize("opening", ["", "@", "password=(", "?x=", "curl mysql </a>"])
@pytest.mark.parametrize("piece", TRIGGERS)
@pytest.mark.parametrize("ending", ["", "@"])
def test_no_text_takes_long(opening, piece, ending):
    """Cost grows with the length, not with its square: eight times the text, far from sixty-four times the time."""
    short, long = (opening + piece * (size // len(piece)) + ending for size in (1_000, 8_000))
    assert _seconds(long) < 20 * _seconds(short) + 0.1


@given(
    st.lists(st.sampled_from(TRIGGERS), min_size=1, max_size=3).map("".join),
    st.sampled_from(["", "@", "password=", "?", "eyJ", "mysql ", "insert into a (password) values ("]),
    st.sampled_from(["", "@", ".", "=", "'", ":", ")"]),
)
@settings(deadline=None, max_examples=150)
def test_no_mixture_of_triggers_takes_long(piece, opening, ending):
    """Also where the beginnings of several rules follow one another."""
    short, long = (opening + piece * (size // len(piece)) + ending for size in (1_000, 8_000))
    assert _seconds(long) < 20 * _seconds(short) + 0.1


ENDLESS = ["@" + "://:" * 15_000, "@" + "https://a" * 5_000, "://:" * 15_000 + "@", "-eyJaaaaaa" * 10_000]


@pytest.mark.parametrize("text", ENDLESS)
def test_queries_and_headers_are_cut_before_they_are_looked_at(text):
    """A client cannot make an app wait by sending much."""
    for mask in (lambda: mask_query("x=" + text), lambda: mask_header("x-a", text)):
        began = time.process_time()
        assert len(mask().encode()) <= 8_192
        assert time.process_time() - began < 1  # of the processor; it takes a few milliseconds


def test_a_long_query_shows_no_secret_across_its_cut():
    """Neither whole nor in part, and it says how long it was."""
    for length in range(8_150, 9_250, 7):
        for pair in (
            "token=planted",
            "h=Bearer%20planted",
            "h=Bearer planted",
            "api_key=x&h=Bearer%20planted",
        ):
            query = "a=" + "b" * length + "&" + pair + "&c=" + "d" * 2_000
            masked = mask_query(query)
            assert "plan" not in masked
            assert masked.endswith(f"[cut: {len(query):,} characters]")
    many = "token=" + "x" * 40
    assert "Bearer%20pl" not in mask_query("&".join([many] * 195) + "&h=Bearer%20planted" * 100)


def _seconds(text: str) -> float:
    best = 1.0
    for _ in range(5):
        began = time.process_time()
        mask_text(text)
        best = min(best, time.process_time() - began)
        if best < 0.01:
            break
    return best
