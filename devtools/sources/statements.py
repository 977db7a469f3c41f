"""What a text of SQL does and to which tables, and the text without its values. Pure; called by every source of SQL.

A tokenizer, no parser: where it cannot tell, it says less. No database's grammar is complete here.
"""

import re
from typing import NamedTuple

MAX_TEXT = 8_192
"""Characters that are looked at; what follows is left out."""
MAX_NAMED = 4
"""Tables in the name of a statement."""
MAX_NAME = 255

OPERATIONS = frozenset({
    "ALTER", "ANALYZE", "ATTACH", "BEGIN", "CALL", "CHECKPOINT", "CLOSE", "COMMENT", "COMMIT", "COPY", "CREATE",
    "DECLARE", "DELETE", "DESCRIBE", "DETACH", "DO", "DROP", "END", "EXEC", "EXECUTE", "EXPLAIN", "FETCH", "GRANT",
    "INSERT", "KILL", "LISTEN", "LOAD", "LOCK", "MERGE", "MOVE", "NOTIFY", "OPTIMIZE", "PRAGMA", "PREPARE",
    "REFRESH", "REINDEX", "RELEASE", "RENAME", "REPLACE", "RESET", "REVOKE", "ROLLBACK", "SAVEPOINT", "SELECT",
    "SET", "SHOW", "START", "TRUNCATE", "UNLISTEN", "UNLOCK", "UPDATE", "USE", "VACUUM", "VALUES",
})  # fmt: skip
"""Words that a statement begins with. Any other beginning names no operation, so that odd texts do not make many names."""
_AFTER_WITH = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES"})
_READING = _AFTER_WITH | {"CREATE", "EXPLAIN"}
_DEFINING = frozenset({"CREATE", "DROP", "ALTER", "TRUNCATE", "LOCK"})
_FROM_INSIDE = frozenset({"EXTRACT", "SUBSTRING", "TRIM", "OVERLAY", "POSITION"})
"""Functions whose arguments hold a FROM."""
_BEFORE_TABLES = frozenset({"FROM", "JOIN", ",", "("})
_NOISE = frozenset(
    {"ONLY", "LATERAL", "IF", "NOT", "EXISTS", "OR", "ABORT", "FAIL", "IGNORE", "ROLLBACK", "LOW_PRIORITY"}
)
"""Words between a keyword and the table that it announces."""
_NO_TABLES = frozenset({"SELECT", "VALUES", "OUTFILE", "DUMPFILE", "DUAL", "UNNEST", "SET"})
_LIST_ENDS = frozenset({
    "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "FETCH", "FOR", "SET", "UNION", "EXCEPT", "INTERSECT",
    "WINDOW", "RETURNING", "VALUES", "SELECT",
})  # fmt: skip
"""Words after which a comma does not lead to another table."""
_BACKSLASHES = frozenset({"mysql", "mariadb"})
"""Systems that escape by backslash, write texts in double quotes too, and comments behind `#`."""


class Statement(NamedTuple):
    """One statement."""

    operation: str | None
    """`SELECT`; None where it cannot be told."""
    tables: tuple[str, ...]
    """As they are written, without quotes, each once: `cart_item`, `shop.orders`."""
    text: str
    """Without comments, with `?` for every literal. Placeholders stay as they are."""

    def name(self, system: str) -> str:
        """`SELECT cart_item`: few and always the same. The system's own name where nothing else is known."""
        words = [self.operation, *self.tables[:MAX_NAMED]] if self.operation is not None else [system]
        return " ".join(word for word in words if word)[:MAX_NAME]


class Token(NamedTuple):
    """A piece of a text that takes part in its meaning."""

    kind: str
    """`word`, `name` (in quotes), `value` or `mark`."""
    text: str

    @property
    def keyword(self) -> str:
        """A word in upper case, a mark as it is, nothing for the rest."""
        return self.text.upper() if self.kind in {"word", "mark"} else ""


_TEXTS = r"""[eE]'(?:[^'\\]|\\.|'')*+(?:'|\Z) | [nNbBxXuU]?&?'(?:[^']|'')*+(?:'|\Z) | \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)"""
_MYSQL_TEXTS = r"""[nNbBxX]?'(?:[^'\\]|\\.|'')*+(?:'|\Z) | "(?:[^"\\]|\\.|"")*+(?:"|\Z) | (?P<tag>(?!))(?!)"""
_REST = r"""
    | (?P<name>"(?:[^"]|"")*+(?:"|\Z) | `(?:[^`]|``)*+(?:`|\Z) {brackets})
    | (?P<held>%\(\w+\)s | %s | \?\d* | ::\s*\w+ | [:@$]\w+)
    | (?P<number>0[xX][0-9a-fA-F]+ | \d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<mark>[^\s\w])
"""


def _pattern(texts: str, comments: str, brackets: str = "") -> re.Pattern[str]:
    source = rf"(?P<comment>--[^\n]* | /\*.*?(?:\*/|\Z){comments}) | (?P<text>{texts})" + _REST.format(
        brackets=brackets
    )
    return re.compile(source, re.VERBOSE | re.DOTALL)


_STANDARD = _pattern(_TEXTS, "")
_MYSQL = _pattern(_MYSQL_TEXTS, r" | \#[^\n]*")
_BRACKETS = _pattern(_TEXTS, "", r"| \[[^\]\n]*\]")


def read(text: str, system: str = "") -> Statement:
    """What a text says, in the manner of a system (`db.system.name` of OpenTelemetry)."""
    tokens, masked = _tokens(text[:MAX_TEXT], system)
    operation, start = _operation(tokens)
    return Statement(operation, tuple(_Tables(tokens, operation, start).found.values()), masked)


def _tokens(text: str, system: str) -> tuple[list[Token], str]:
    pattern = (
        _MYSQL if system in _BACKSLASHES else _BRACKETS if system == "microsoft.sql_server" else _STANDARD
    )
    tokens: list[Token] = []
    shown: list[str] = []
    position = 0
    for match in pattern.finditer(text):
        kind = match.lastgroup or "mark"
        shown.append(text[position : match.start()])
        position = match.end()
        if kind == "comment":
            continue
        is_literal = kind in {"text", "number"}
        shown.append("?" if is_literal else match[0])
        tokens.append(Token("value" if is_literal or kind == "held" else kind, match[0]))
    shown.append(text[position:])
    return tokens, "".join(shown).strip()


def _operation(tokens: list[Token]) -> tuple[str | None, int]:
    """The operation, and where it stands."""
    depth = 0
    is_with = False
    for index, token in enumerate(tokens):
        word = token.keyword
        if token.kind == "mark":
            depth += (word == "(") - (word == ")")
        elif is_with:
            if depth == 0 and word in _AFTER_WITH:
                return word, index
        elif word == "WITH":
            is_with, depth = True, 0
        else:
            return (word, index) if word in OPERATIONS else (None, index)
    return None, 0


class _Tables:
    """One walk over the tokens of a statement."""

    def __init__(self, tokens: list[Token], operation: str | None, start: int) -> None:
        self.found: dict[str, str] = {}
        """As written, by name in lower case."""
        self._tokens = tokens
        self._operation = operation
        self._start = start
        self._own: set[str] = set()
        """Names that the statement itself gives: `WITH name AS (…)`."""
        self._open: list[tuple[str, bool, bool]] = []
        """What stands before each open parenthesis; outside of it: whether a FROM was open, and whether FROM means no table."""
        self._is_list = False
        self._is_inside = False
        self._closed = ""
        index = 0
        while operation is not None and index < len(tokens):
            index = self._step(index)

    def _at(self, index: int) -> Token:
        return self._tokens[index] if 0 <= index < len(self._tokens) else Token("end", "")

    def _step(self, index: int) -> int:
        word, before = self._at(index).keyword, self._at(index - 1)
        if word == "(":
            self._open.append((before.text, self._is_list, self._is_inside))
            self._is_inside = before.keyword in _FROM_INSIDE
            self._is_list = self._is_list and before.keyword in _BEFORE_TABLES
        elif word == ")":
            self._closed, self._is_list, self._is_inside = (
                self._open.pop() if self._open else ("", False, False)
            )
        elif word == "AS":
            self._name_own(index)
        elif word in _LIST_ENDS:
            self._is_list = False
        if self._announces(index, word, before.keyword):
            self._is_list = self._is_list or word == "FROM"
            return self._table(index + 1, may_be_function=word in {"FROM", "JOIN", ",", "USING", "("})
        return index + 1

    def _name_own(self, index: int) -> None:
        after = index + 1
        while self._at(after).keyword in {"NOT", "MATERIALIZED"}:
            after += 1
        if self._at(after).keyword == "(":
            before = self._at(index - 1)
            self._own.add(_unquoted(self._closed if before.keyword == ")" else before.text).casefold())

    def _announces(self, index: int, word: str, before: str) -> bool:
        """Whether a table may follow."""
        operation = self._operation
        if word == "FROM":
            return operation in _READING and not self._is_inside and before != "DISTINCT"
        if word == "JOIN":
            return operation in _READING
        if word in {",", "("}:
            # `FROM (a, b)` has tables too; a parenthesis behind a word is something else.
            return self._is_list and (word == "," or before in _BEFORE_TABLES)
        if word == "INTO":
            return operation in _READING
        if word == "UPDATE":
            return index == self._start or before == "("
        if word == "USING":
            return operation in {"DELETE", "MERGE"}
        if word == "TABLE":
            return operation in _DEFINING and index - self._start <= 4
        if word == "ON":
            return (
                operation == "CREATE"
                and "INDEX" in {self._at(at).keyword for at in range(index)}
                and not self.found
            )
        return word in {"TRUNCATE", "COPY"} and index == self._start

    def _table(self, index: int, *, may_be_function: bool) -> int:
        while self._at(index).kind == "word" and self._at(index).keyword in _NOISE:
            index += 1
        start = index
        parts: list[str] = []
        while self._at(index).kind in {"word", "name"}:
            parts.append(_unquoted(self._at(index).text))
            index += 1
            if self._at(index).text != ".":
                break
            index += 1
        if not parts or (self._at(start).keyword in _NO_TABLES | {"TABLE"}):
            return start
        name = ".".join(parts)
        is_own = len(parts) == 1 and name.casefold() in self._own
        if not is_own and not (may_be_function and self._at(index).text == "("):
            self.found.setdefault(name.casefold(), name)
        return index


def _unquoted(text: str) -> str:
    quote = text[:1]
    if quote not in {'"', "`", "["}:
        return text
    end = "]" if quote == "[" else quote
    return text[1:].removesuffix(end).replace(end * 2, end)
