"""What is read off a text of SQL: the operation, the tables, and never a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.sources.statements import MAX_NAME, MAX_TEXT, read

TABLES = [
    ("SELECT 1", "SELECT"),
    ("select * from cart_item where id = 5", "SELECT cart_item"),
    ('SELECT "t1"."id" FROM "main"."cart item" AS "t1"', "SELECT main.cart item"),
    ("SELECT * FROM a, b AS x, (SELECT 1 FROM c) y, d WHERE e IN (1, 2)", "SELECT a b c d"),
    ("SELECT * FROM (a JOIN b ON a.x = b.x), c", "SELECT a b c"),
    ("SELECT * FROM A LEFT JOIN a ON 1 = 1", "SELECT A"),
    ("SELECT (SELECT count(*) FROM lines) AS n, b FROM orders", "SELECT lines orders"),
    ("(SELECT 1 FROM a) UNION (SELECT 2 FROM b)", "SELECT a b"),
    ("SELECT EXTRACT(YEAR FROM d), b FROM t FOR UPDATE", "SELECT t"),
    ("SELECT 1 FROM t WHERE a IS DISTINCT FROM b", "SELECT t"),
    ("SELECT * FROM generate_series(1, 2) g, t", "SELECT t"),
    ("WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n FROM r), q AS (SELECT 1 FROM a) SELECT 1 FROM r, q", "SELECT a"),
    ("WITH x AS MATERIALIZED (SELECT 1 FROM a) INSERT INTO b SELECT * FROM x", "INSERT a b"),
    ("INSERT INTO shop.orders (a, b) VALUES (%s, 'x') ON CONFLICT DO UPDATE SET a = 1", "INSERT shop.orders"),
    ("REPLACE INTO `a b` VALUES (1)", "REPLACE a b"),
    ("UPDATE OR IGNORE t SET a = 1 WHERE id IN (SELECT id FROM u)", "UPDATE t u"),
    ("DELETE FROM ONLY t USING u WHERE t.x = u.x", "DELETE t u"),
    ("MERGE INTO a USING b ON a.x = b.x", "MERGE a b"),
    ("CREATE TABLE IF NOT EXISTS a (id int REFERENCES b (id))", "CREATE a"),
    ("CREATE UNIQUE INDEX i ON a (b)", "CREATE a"),
    ("TRUNCATE a", "TRUNCATE a"),
    ("COPY t (a) FROM STDIN", "COPY t"),
    ("DROP TABLE IF EXISTS a", "DROP a"),
    ("BEGIN IMMEDIATE", "BEGIN"),
    ('PRAGMA table_info("a")', "PRAGMA"),
    ("-- why\n/* FROM nowhere */ SELECT 1 FROM a", "SELECT a"),
    ("SELECT 'FROM nowhere' FROM a", "SELECT a"),
    ("SELECT a.b::text FROM a WHERE c = :c AND d = $1 AND e = %(e)s AND f = ?", "SELECT a"),
    ("frobnicate 1234", "sqlite"),
    ("", "sqlite"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name"), TABLES)
def test_a_statement_is_called_after_what_it_does(text: str, name: str) -> None:
    """Where that cannot be told, after the database."""
    assert read(text, "sqlite").name("sqlite") == name


MASKED = [
    ("", "SELECT 'it''s', 5, -1.5e3, 0xff FROM a2", "SELECT ?, ?, -?, ? FROM a2"),
    ("", "SELECT 1 -- secret", "SELECT ?"),
    ("", "SELECT 1 FROM a /* secret", "SELECT ? FROM a"),
    ("", "SELECT 'secret", "SELECT ?"),
    ("postgresql", r"SELECT E'a\'secret', $x$secret$x$, $$secret, X'00'", "SELECT ?, ?, ?"),
    ("postgresql", "SELECT ARRAY[12, 13]", "SELECT ARRAY[?, ?]"),
    ("mysql", r"""SELECT "secret", 'a\'secret' FROM `t` # secret""", "SELECT ?, ? FROM `t`"),
    ("microsoft.sql_server", "SELECT N'secret' FROM [a b]", "SELECT ? FROM [a b]"),
    ("", "SELECT %s, %(a1)s, :a1, $1, ?, ?2, @a1, a::int4", "SELECT %s, %(a1)s, :a1, $1, ?, ?2, @a1, a::int4"),
]  # fmt: skip


@pytest.mark.parametrize(("system", "text", "masked"), MASKED)
def test_literals_and_comments_are_left_out(system: str, text: str, masked: str) -> None:
    assert read(text, system).text == masked


PIECES = st.sampled_from(
    ["SELECT", "FROM", "a", ",", "(", ")", "WITH", "AS", "UPDATE", "INTO", ".",
     "'x'", '"y"', "--", "/*", "$$", "1", "\n", "é", "\\", "%s"]
)  # fmt: skip


@given(
    st.lists(PIECES | st.text(max_size=5), max_size=40).map(" ".join),
    st.sampled_from(["", "mysql", "postgresql"]),
)
def test_any_text_can_be_read(text: str, system: str) -> None:
    """Whatever it says."""
    found = read(text, system)
    assert len(found.name(system)) <= MAX_NAME


@given(st.text(alphabet="abc'%", max_size=20))
def test_no_quoted_value_is_kept(value: str) -> None:
    quoted = "'" + value.replace("'", "''") + "'"
    assert (
        read(f"SELECT 1 FROM t WHERE x = {quoted} AND y = 2").text == "SELECT ? FROM t WHERE x = ? AND y = ?"
    )


def test_a_long_text_is_read_to_a_limit() -> None:
    found = read("INSERT INTO a  VALUES " + "(?, ?), " * 100_000)
    assert (found.name(""), len(found.text)) == ("INSERT a", MAX_TEXT)
