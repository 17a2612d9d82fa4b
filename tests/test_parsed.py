"""The data files that are kept parsed: fresh, equal to their TOML, and right without the parsed file."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from zlib import crc32

import orjson
import pytest

from postrun import offers
from postrun.metrics import parsed
from postrun.metrics.packs_loader import packs, parse_pack
from postrun.model import PostrunError
from postrun.model.lazily import pattern
from postrun.rules import rules

REMEDY = "src/postrun/metrics/parsed.json is stale: run `python docs/make_metrics.py` and commit it"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data files of its own."""
    monkeypatch.setattr(parsed, "_HERE", tmp_path)
    monkeypatch.setattr(parsed, "_PARSED", tmp_path / "parsed.json")
    parsed._kept.cache_clear()
    (tmp_path / "a.toml").write_text("x = 1\n")
    return tmp_path


@pytest.fixture(autouse=True)
def _fresh() -> object:
    yield
    parsed._kept.cache_clear()


def test_the_parsed_file_is_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = parsed._PARSED.read_bytes()
    monkeypatch.setattr(parsed, "_PARSED", tmp_path / "made.json")
    parsed.write()
    assert (tmp_path / "made.json").read_bytes() == kept, REMEDY


def test_the_parsed_file_says_what_the_toml_says() -> None:
    assert {"roles.toml", "grammar/lexicon.toml", "packs/generic.toml"} <= set(parsed.toml_files())
    for name in parsed.toml_files():
        assert parsed._kept()[name][1] == parsed.parse((parsed._HERE / name).read_bytes()), REMEDY


def test_a_changed_file_is_parsed_again(elsewhere: Path) -> None:
    parsed.write()
    assert parsed.table("a.toml") == {"x": 1}
    (elsewhere / "a.toml").write_text("x = 2\n")
    assert parsed.table("a.toml") == {"x": 2}


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"a.toml":3}', '{"a.toml":[]}'])
def test_a_missing_or_damaged_parsed_file_costs_nothing_but_time(
    elsewhere: Path, text: str | None
) -> None:
    if text is not None:
        (elsewhere / "parsed.json").write_text(text)
    assert parsed.table("a.toml") == {"x": 1}


def test_packs_and_lexicon_are_had_without_a_toml_parser() -> None:
    code = (
        "import sys; from postrun.metrics import packs; from postrun.metrics.grammar.lexicon import "
        "lexicon; packs(); lexicon(); print('tomllib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr + REMEDY


@pytest.mark.slow
def test_a_wheel_holds_the_parsed_file_as_it_is(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    made = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(made, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {n: archive.read(f"postrun/metrics/{n}") for n in parsed.toml_files()}
        kept = orjson.loads(archive.read("postrun/metrics/parsed.json"))
    assert {n: v[0] for n, v in kept.items()} == {n: crc32(d) for n, d in inside.items()}


def test_all_patterns_of_the_packs_compile() -> None:
    for name in parsed.toml_files():
        if name.startswith("packs/"):
            parse_pack((parsed._HERE / name).read_text("utf-8"), name, compiled=True)
    assert packs()


@pytest.mark.parametrize("place", ["like", "programs"])
def test_a_wrong_pattern_of_a_plug_in_is_named_at_once(place: str) -> None:
    text = f'name = "x"\n[recognise]\n{place} = ["("]\n'
    with pytest.raises(PostrunError, match="metric pack acme"):
        parse_pack(text, "acme", compiled=True)


def test_a_pattern_is_compiled_when_first_used() -> None:
    made = pattern(r"(A)b", re.IGNORECASE)
    assert made.fullmatch("aB") and made.sub("c", "xab") == "xc" and made.pattern == "(A)b"
    wrong = pattern("(")
    with pytest.raises(re.error):
        wrong.search("x")


def test_plug_ins_are_asked_for_only_if_a_package_offers_some(tmp_path: Path) -> None:
    about = tmp_path / "x-1.0.dist-info"
    about.mkdir()
    assert not offers._offered((str(tmp_path), str(tmp_path / "none")))
    (about / "entry_points.txt").write_text("[console_scripts]\nx = x:main\n")
    offers._offered.cache_clear()
    assert not offers._offered((str(tmp_path),))
    (about / "entry_points.txt").write_text("[postrun.rules]\nx = x:X\n")
    offers._offered.cache_clear()
    assert offers._offered((str(tmp_path),))


def test_packages_in_an_archive_or_of_another_finder_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"")
    assert offers._offered((str(archive),))

    class Finder:
        def find_distributions(self, *_: object) -> list[object]:
            return []

    offers._offered.cache_clear()
    assert not offers._offered((str(tmp_path / "none"),))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    offers._offered.cache_clear()
    assert offers._offered((str(tmp_path / "none"),))
    offers._offered.cache_clear()


def test_the_catalogue_tells_what_the_rules_do() -> None:
    """`python docs/make_rules.py` writes it."""
    from postrun.catalogue import read

    assert read()["rules"] == [rule.as_dict() for rule in rules()]


def test_a_catalogue_of_other_rules_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from postrun import catalogue

    kept = catalogue.read()
    monkeypatch.setattr(catalogue, "read", lambda: kept)
    monkeypatch.setattr(catalogue, "offered", lambda: False)
    assert catalogue.catalogue() == kept["rules"]
    kept["files"] = [*kept["files"], "opt/removed.py"]
    assert catalogue.catalogue() is None
    monkeypatch.setattr(catalogue, "read", lambda: {"rules": "none"})
    assert catalogue.catalogue() is None
