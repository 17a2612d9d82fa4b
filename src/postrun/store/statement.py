"""Which SQL statements a store answers: those that read its tables, and nothing else.

Polars' SQL also reads any file or URL (`read_csv('...')`), and takes statements that change tables which are
gone when the query ends. sqlglot parses a statement before Polars sees it. The two parsers must agree on where
strings and comments end, so comments are taken out, and strings that they may read in two ways are refused.
"""

from __future__ import annotations

import re
from typing import Any

from postrun.model import UsageError

TABLES = ("runs", "metrics", "findings", "history", "system", "console")
HINT = f"The tables are {', '.join(TABLES)}; `select * from runs limit 1` shows one"
#: Statements that would change something, by the word they begin with.
_CHANGES = frozenset(
    ("ALTER", "ATTACH", "COPY", "CREATE", "DELETE", "DROP", "INSERT", "MERGE", "REPLACE", "SET", "TRUNCATE",
     "UPDATE", "VACUUM")
)  # fmt: skip
#: sqlglot's kinds of tokens whose end Polars may see elsewhere: heredocs, escapes, parameters.
_TWO_WAYS = frozenset(
    ("BIT_STRING", "BYTE_STRING", "DOLLAR", "HEREDOC_STRING", "HEREDOC_STRING_ALTERNATIVE", "HEX_STRING",
     "NATIONAL_STRING", "PARAMETER", "RAW_STRING", "UNICODE_STRING")
)  # fmt: skip
#: Functions of tables that read nothing.
_HARMLESS = ("GenerateSeries", "Unnest")
_EXPLAIN = re.compile(r"\s*explain\b", re.IGNORECASE)
_READS = "a query reads the tables of the store and nothing else"


def checked(text: str) -> str:
    """Return a statement as Polars may run it: without comments.

    Raises:
        UsageError: It is none, not one alone, changes something, or reads anything but tables.
    """
    from sqlglot.errors import SqlglotError

    explained = _EXPLAIN.match(text)
    if explained is not None:
        return "EXPLAIN " + checked(text[explained.end() :])
    try:
        tokens = _tokens(text)
        _require_reading(text, tokens)
        return _without_comments(text, tokens)
    except (SqlglotError, RecursionError) as error:
        raise UsageError(f"the query cannot be parsed{_place(error)}. {HINT}") from error


def _place(error: Exception) -> str:
    """Return where a parser stopped, "" if it does not tell."""
    told = getattr(error, "errors", None)
    if not told or told[0].get("line") is None:
        return ""
    near = str(told[0].get("highlight") or "").strip()
    return f" at line {told[0]['line']}, column {told[0]['col']}" + (
        f", at {near!r}" if near else ""
    )


def _dialect() -> Any:
    """Return the dialect of sqlglot that is nearest to Polars' own: DuckDB's, with backticks around names."""
    from sqlglot.dialects.duckdb import DuckDB

    class Polars(DuckDB):
        class Tokenizer(DuckDB.Tokenizer):
            IDENTIFIERS = ['"', "`"]

    return Polars


def _tokens(text: str) -> list[Any]:
    """Return the tokens of a text; UsageError for those that Polars may read in another way."""
    tokens: list[Any] = _dialect()().tokenize(text)
    for token in tokens:
        if token.token_type.name in _TWO_WAYS:
            raise UsageError(
                f"the query: {text[token.start : token.end + 1][:40]} is not understood. Write texts as 'text'."
            )
    return tokens


def _require_reading(text: str, tokens: list[Any]) -> None:
    """Raise UsageError if a statement does anything but read tables."""
    first = text[tokens[0].start : tokens[0].end + 1].upper() if tokens else ""
    if first == "SHOW":
        return
    if first in _CHANGES:
        raise UsageError(
            f"the query: {first} would change nothing in the store; {_READS}. "
            "`postrun pull --store` adds runs, `postrun store prune` deletes them."
        )
    statements = [s for s in _parsed(tokens, text) if s is not None]
    if len(statements) != 1:
        raise UsageError(f"the query has {len(statements)} statements; give one at a time.")
    _require_tables(statements[0])


def _parsed(tokens: list[Any], text: str) -> list[Any]:
    found: list[Any] = _dialect()().parser().parse(tokens, text)
    return found


def _require_tables(statement: Any) -> None:
    """Raise UsageError unless a statement is a query over tables that are named."""
    from sqlglot import exp

    if not isinstance(statement, exp.Query | exp.Values):
        raise UsageError(f"the query: write SELECT ...; {_READS}.")
    for change in statement.find_all(exp.DML, exp.DDL, exp.Command):
        if not isinstance(change, exp.Query):
            raise UsageError(f"the query: {change.key.upper()} is no part of one; {_READS}.")
    for table in statement.find_all(exp.Table):
        named = isinstance(table.this, exp.Identifier)
        if not named and type(table.this).__name__ not in _HARMLESS:
            known = isinstance(table.this, exp.Func) and not isinstance(table.this, exp.Anonymous)
            name = table.this.sql_name() if known else table.this.name
            raise UsageError(f"the query: {name.lower()}(...) is not allowed; {_READS}.")


def _without_comments(text: str, tokens: list[Any]) -> str:
    """Return the text between and with its tokens, in which comments are spaces."""
    out, end = [], 0
    for token in tokens:
        between = text[end : token.start]
        out += [between if between.isspace() or not between else " "]
        out += [text[token.start : token.end + 1]]
        end = token.end + 1
    return "".join(out)
