"""A query reads the store's tables and nothing else, and what would change nothing is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import postrun
from postrun.model import UsageError
from postrun.store.statement import checked
from tests.conftest import SAMPLE

FRAMES = {
    "runs": pl.LazyFrame({"id": ["a", "b"], "rows": [1, 2], "list": [[1], [2, 3]]}),
    "metrics": pl.LazyFrame({"id": ["a"], "final": [0.5]}),
}
ALLOWED = [
    "select * from runs", "SELECT id FROM runs WHERE rows > 1;", "from runs select id", "values (1)",
    'select "id" from runs', "select `id` from runs", "select rows // 2 from runs",
    "select r.id, m.final from runs r join metrics m on r.id = m.id",
    "with x as (select * from runs) select count(*) from x", "select unnest(list) from runs",
    "select id from runs union all select id from metrics", "select * exclude (rows) from runs",
    "select columns('r.*') from runs", "select rows::float from runs where id ilike 'A%'",
    "select id from runs r semi join metrics m on r.id = m.id", "select * from generate_series(1, 3)",
    "select id, row_number() over (order by rows) as n from runs qualify n = 1",
    "select id -- the run's name: it's short\n from runs /* of 'all' */ where rows > 1",
    "select 'read_csv(''x'')' as text from runs", "show tables", "explain select * from runs",
    "select median(rows), quantile_cont(rows, 0.5) from runs group by all",
    "select * from runs where id in (select id from metrics)", "select 'a\\' as b from runs",
]  # fmt: skip
#: FILE stands for a file that is there.
OUTSIDE = [
    "select * from {read}('FILE')", 'select * from "{read}"(\'FILE\')', "select * from `{read}`('FILE')",
    "select * from runs, {read}('FILE')", "select * from runs cross join {read}('FILE')",
    "with x as (select * from {read}('FILE')) select * from x", "explain select * from {read}('FILE')",
    "select id from runs union all select * from {read}('FILE')", "from {read}('FILE') select *",
    "select * from runs where id in (select a from {read}('FILE'))",
    "/* a */ select * from {read}/* b */('FILE')",
    "select (select max(a) from {read}('FILE')) from runs",
]  # fmt: skip
#: What two parsers could see in two ways: a string or comment to one of them, code to the other.
TRICKS = [
    "select $a$ ' $a$ as x from read_csv('FILE') -- '", "select E'\\' from read_csv(''FILE'') --' from runs",
    "select * from runs /* /* */ union all select * from read_csv('FILE') -- */ */",
    "select * from runs // '\n union all select * from read_csv('FILE') -- '",
    "select * from runs # '\n union all select * from read_csv('FILE') -- '",
    "select * from runs --\r union all select * from read_csv('FILE')",
    "select `a' from read_csv('FILE') --` from runs", "select U&'\\' from read_csv('FILE')",
]  # fmt: skip
CHANGES = [
    "drop table runs", "delete from runs", "truncate table runs", "create table x as select * from runs",
    "insert into runs values ('c', 3)", "update runs set rows = 0", "Drop Table runs",
    "copy runs to 'FILE'", "select id from runs; drop table runs", "/* */ delete from runs",
]  # fmt: skip


@pytest.mark.parametrize("text", ALLOWED)
def test_queries_over_the_tables_are_run_as_they_are(text: str) -> None:
    context, asked = pl.SQLContext(FRAMES), checked(text)
    try:
        plain = context.execute(text, eager=True)
    except pl.exceptions.PolarsError as error:
        pytest.skip(f"not in Polars {pl.__version__}: {error}")
    again = context.execute(asked, eager=True)
    if "order by" not in text.lower():  # rows come in any order then
        plain, again = plain.sort(plain.columns), again.sort(again.columns)
    assert again.equals(plain)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("outside") / "secret.csv"
    path.write_text("a\nsecret\n")
    return path


@pytest.mark.parametrize("read", ["read_csv", "READ_CSV", "read_parquet", "read_ipc", "read_ndjson",
                                  "scan_csv", "read_json", "scan_parquet", "delta_scan"])  # fmt: skip
@pytest.mark.parametrize("text", OUTSIDE)
def test_files_cannot_be_read(text: str, read: str, file: Path) -> None:
    with pytest.raises(UsageError, match="the query"):
        checked(text.format(read=read).replace("FILE", str(file)))


@pytest.mark.parametrize("text", TRICKS)
def test_tricks_with_strings_and_comments_read_no_file(text: str, file: Path) -> None:
    try:
        safe = checked(text.replace("FILE", str(file)))
        found = pl.SQLContext(FRAMES).execute(safe, eager=True)
    except (UsageError, pl.exceptions.PolarsError):
        return
    assert "secret" not in str(found.rows())


@pytest.mark.slow
@given(st.lists(st.sampled_from(
    ["select ", "* ", "from ", "runs ", "'", '"', "`", "$", "$a$", "\\", "--", "\n", "\r", "/*", "*/",
     "#", "//", "E'", "x'", "union all ", "read_csv('FILE') ", ";", "(", ")", "''", "1 ", ","]),
    max_size=14,
))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_no_mixture_of_quotes_and_comments_reads_a_file(parts: list[str]) -> None:
    text = "select * from runs " + "".join(parts)
    try:
        safe = checked(text.replace("FILE", __file__))
    except UsageError:
        return
    try:
        plan = pl.SQLContext(FRAMES).execute(safe, eager=False).explain(optimized=False)
    except pl.exceptions.PolarsError:
        return
    assert "SCAN [" not in plan, (text, safe)


@pytest.mark.parametrize("text", CHANGES)
def test_what_changes_nothing_is_refused(text: str, file: Path) -> None:
    with pytest.raises(UsageError, match=r"change nothing in the store|one at a time"):
        checked(text.replace("FILE", str(file)))
    assert file.read_text() == "a\nsecret\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "0 statements"), ("select (", "cannot be parsed"), ("select " + "(" * 3000, "cannot be parsed"),
     ("select ''' from runs", "cannot be parsed")],
)  # fmt: skip
def test_what_is_no_query(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        checked(text)


class Listener(BaseHTTPRequestHandler):
    """Counts requests."""

    seen = 0

    def do_GET(self) -> None:
        type(self).seen += 1
        self.send_error(404)

    def do_HEAD(self) -> None:
        self.do_GET()


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/x.csv"
        server.shutdown()


def test_no_request_is_made(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="read_csv"):
        postrun.query(f"select * from read_csv('{address}')", _store(tmp_path))
    assert Listener.seen == 0


def _store(folder: Path) -> Path:
    postrun.pull(SAMPLE, store=folder / "lab")
    return folder / "lab"
