"""Compiled templates are code, so they are kept only where nobody else can write them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from postrun.report.html import page
from postrun.report.html.compiled import compiled_templates

posix = pytest.mark.skipif(os.name == "nt", reason="rights of a folder are not in its mode")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSTRUN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "templates"


def render(name: str = "study.html") -> None:
    page._environment.cache_clear()
    try:
        page._environment().get_template(name)
    finally:
        page._environment.cache_clear()


@posix
def test_a_template_is_compiled_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render()
    (kept,) = cache.iterdir()
    assert kept.stat().st_size
    assert cache.stat().st_mode & 0o777 == 0o700

    def never(*_: object, **__: object) -> object:
        raise AssertionError("compiled again")

    monkeypatch.setattr("jinja2.Environment._generate", never)
    render()


@posix
def test_a_damaged_file_is_compiled_again(cache: Path) -> None:
    render()
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    render()
    assert kept.read_bytes() == whole


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_not_used(cache: Path, mode: int) -> None:
    cache.mkdir(parents=True)
    cache.chmod(mode)
    assert compiled_templates() is None
    render()
    assert not list(cache.iterdir())


@posix
def test_a_link_to_another_folder_is_not_used(cache: Path, tmp_path: Path) -> None:
    cache.parent.mkdir()
    (tmp_path / "theirs").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "theirs", target_is_directory=True)
    assert compiled_templates() is None


def test_a_cache_that_cannot_be_made_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POSTRUN_CACHE_DIR", str(tmp_path / "file"))
    assert compiled_templates() is None
    render()


def test_a_full_disk_costs_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jinja2.FileSystemBytecodeCache.dump_bytecode", full)
    render()
