"""Host and Origin parsing on generated values: nothing but exact names passes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devtools.errors import ValidationError
from devtools.server.guard.clients import is_loopback, refuse_unsafe_bind
from devtools.server.guard.hosts import MAX_AUTHORITY, Authority, Names, own_origin, parse_host, parse_origin
from devtools.settings import Settings

NAMES = Names(Settings(allowed_hosts=("devbox.example",)))
EXACT = {"localhost", "127.0.0.1", "[::1]", "devbox.example"}
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
PORT = st.integers(1, 65_535)
NEAR = st.text(alphabet="localhost127.0:[]@/?#%\\ \t\r\n\x00,-_LOCALHOSTſℓevil", max_size=40)
ONE_MORE = st.builds(
    lambda name, at, extra: name[:at] + extra + name[at:],
    st.sampled_from(sorted(EXACT)),
    st.integers(0, 14),
    st.characters() | st.sampled_from([".", ":", "@", "\n", "\x00", "[", "]", "/", "-"]),
)


def accepts(value):
    host = parse_host(value)
    return host is not None and NAMES.knows(host)


@given(st.sampled_from(sorted(EXACT)), st.none() | PORT)
def test_exact_names_pass_with_any_port(name, port):
    """The four names are known, in any case, with and without a port."""
    text = name if port is None else f"{name}:{port}"
    assert parse_host(text) == Authority(name, port)
    assert accepts(text)
    assert accepts(text.upper())


@given(st.lists(LABEL, min_size=1, max_size=4))
def test_subdomains_of_localhost_pass(labels):
    """`*.localhost` never leaves the machine."""
    assert accepts(".".join([*labels, "localhost"]))


@given(st.text(max_size=60) | NEAR | ONE_MORE)
@example("localhost\n")
@example("localhost\r\nx: y")
@example("localhost:80\n")
@example("ℓocalhost")
@example("localhost:٨٠")
@example(".localhost")
@example("-.localhost")
@example("a..localhost")
@example("localhost..")
@example("[::1")
@example("::1]")
@example("[::1]x")
@example("[::1%eth0]")
@example("[0:0:0:0:0:0:0:1]")
@example("127.1")
@example("2130706433")
@example("0x7f.0.0.1")
@example("127.0.0.1.nip.io")
@example("user@localhost")
@example("localhost:80:80")
@example("localhost:0")
@example("localhost#.evil.example")
@example("localhost/evil")
def test_nothing_else_passes(value):
    """Whatever the text: when it is known, its name is exactly one of ours or ends in `.localhost` with plain labels."""
    if not accepts(value):
        return
    name, _, port = (
        value.rpartition(":")
        if value[-1].isdigit() and ":" in value and value[-1] != "]"
        else (value, "", "")
    )
    name = (name or value).lower()
    assert name.isascii()
    assert not port or (port.isascii() and port.isdigit() and 0 < int(port) <= 65_535)
    if name not in EXACT:
        labels = name.split(".")
        assert labels.pop() == "localhost"
        assert labels
        assert all(
            label and label.strip("-") == label and label.replace("-", "").replace("_", "").isalnum()
            for label in labels
        )


@given(LABEL, st.sampled_from(sorted(EXACT)))
def test_a_name_around_ours_does_not_pass(label, name):
    """Our name as a part of a foreign one is foreign."""
    assert not accepts(f"{name}.{label}")
    assert not accepts(f"{label}{name}")
    assert not accepts(f"{label}.devbox.example")
    assert not accepts(f"{label}@{name}")
    assert not accepts(f"{name}.")
    assert not accepts(f"{name}:")
    assert not accepts(f"{name}, {name}")
    assert not accepts(f" {name}")


@given(st.integers(MAX_AUTHORITY + 1, 100_000))
def test_long_values_are_refused(length):
    """Over-long values are not even matched."""
    assert parse_host("a." * length + "localhost") is None
    assert parse_origin("http://" + "a." * length + "localhost") is None


@given(st.sampled_from(["http", "https"]), st.sampled_from(sorted(EXACT)), st.none() | PORT)
def test_an_origin_equals_its_own_host(scheme, name, port):
    """A page's origin is the scheme, name and port it was served at."""
    authority = name if port is None else f"{name}:{port}"
    host = parse_host(authority)
    assert host is not None
    assert parse_origin(f"{scheme}://{authority}") == own_origin(scheme, host)
    assert own_origin({"http": "ws", "https": "wss"}[scheme], host) == own_origin(scheme, host)


@given(st.sampled_from(sorted(EXACT)), PORT, PORT)
def test_another_port_or_scheme_is_another_origin(name, port, other):
    """The port counts for origins, unlike for hosts."""
    own = own_origin("http", Authority(name, port))
    assert (parse_origin(f"http://{name}:{other}") == own) == (port == other)
    assert parse_origin(f"https://{name}:{port}") != own


@pytest.mark.parametrize(
    "value", ["null", "", "http://", "localhost", "http://a/", "http://a b", "http://a@b", "//a", "*"]
)
def test_what_is_no_origin(value):
    """`null`, lists and addresses with more than an origin are nobody's."""
    assert parse_origin(value) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"])
def test_loopback_addresses_may_be_listened_on(host):
    """This machine alone can reach them."""
    assert is_loopback(host)
    refuse_unsafe_bind(host, Settings())


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.168.1.7", "devbox.example", "localhost.evil", "::ffff:10.0.0.1"]
)
def test_other_addresses_are_refused_without_the_switch(host):
    """Listening for the network needs `allow_remote` and strong tokens; a token made by us is strong."""
    with pytest.raises(ValidationError, match="--allow-remote") as caught:
        refuse_unsafe_bind(host, Settings(token="x" * 32))
    assert caught.value.field == "host"
    refuse_unsafe_bind(host, Settings(allow_remote=True))
    refuse_unsafe_bind(host, Settings(allow_remote=True, token="x" * 32))


@pytest.mark.parametrize("name", ["token", "read_token", "ingest_key"])
def test_a_weak_token_never_goes_with_remote_clients(name):
    """Thirty-two characters are enough, one less is not; the message does not show them."""
    secret = "Secret-" + "x" * 24
    with pytest.raises(ValidationError) as caught:
        refuse_unsafe_bind("0.0.0.0", Settings(allow_remote=True, **{name: secret}))
    assert caught.value.field == name
    assert "Secret" not in str(caught.value) + str(caught.value.extensions)


def test_no_token_and_remote_clients_never_go_together():
    """`auth=None` is for this machine alone."""
    with pytest.raises(ValidationError) as caught:
        refuse_unsafe_bind("0.0.0.0", Settings(allow_remote=True, auth=None))
    assert caught.value.field == "allow_remote"
