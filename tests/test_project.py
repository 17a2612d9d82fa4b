"""The project itself: layers, sizes, documentation, and the bundled sample."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import postrun
from postrun.cli.main import COMMANDS, cli
from postrun.metrics import packs
from postrun.model import Severity, State
from postrun.rules import rules
from tests.conftest import ROOT, SAMPLE

LIBRARY = (ROOT / "docs" / "start" / "library.md").read_text()
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_layers_point_one_way() -> None:
    pytest.importorskip("importlinter")
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 420


def test_every_command_and_option_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `postrun ")]
    for name in COMMANDS:
        assert any(f"`postrun {name}" in row for row in rows), name
        assert f"## `postrun {name}" in text, name
        command = cli.get_command(click.Context(cli), name)
        assert command is not None and command.help
        assert command.short_help is None
        below = command.commands.values() if isinstance(command, click.Group) else ()
        assert all(sub.help and f"`{sub.name}`" in text for sub in below)
        for parameter in (*command.params, *(p for sub in below for p in sub.params)):
            if isinstance(parameter, click.Option) and parameter.name != "help":
                assert parameter.help, (name, parameter.name)
                assert f"`{max(parameter.opts, key=len)}" in text, (name, parameter.opts)


def test_every_rule_and_pack_is_documented() -> None:
    text = (ROOT / "docs" / "rules.md").read_text()
    for rule in rules():
        assert f"## {rule.code} {rule.name}" in text
    for line in ("python docs/make_rules.py",):
        assert line in (ROOT / "CONTRIBUTING.md").read_text()
    metrics = (ROOT / "docs" / "metrics.md").read_text()
    for pack in packs():
        assert pack.normalised or pack.title in metrics


@pytest.mark.slow
def test_the_rules_page_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "docs/make_rules.py", "--print"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == (ROOT / "docs" / "rules.md").read_text()


def test_links_in_the_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        text = re.sub(r"`[^`\n]*`", "", page.read_text())  # patterns in code are no links
        for link in re.findall(r"\]\(([^)#]+)", text):
            if not link.startswith(("http", "mailto")):
                assert (page.parent / link).exists(), (page.name, link)


@pytest.mark.slow
def test_python_examples_of_the_library_page_run(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", LIBRARY, flags=re.S)
    assert blocks
    # Older versions of Matplotlib use old names of pyparsing's.
    calm = "import warnings\nwarnings.filterwarnings('ignore', \".*deprecated.*, use\")\n"
    calm += "warnings.filterwarnings('ignore', '.*deprecated - use')\n"
    for block in blocks:
        code = calm + block.replace("wandb_analysis", (tmp_path / "out").as_posix())
        subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True,
                       capture_output=True)  # fmt: skip


def test_the_version_is_one() -> None:
    assert f'version = "{postrun.__version__}"' in (ROOT / "pyproject.toml").read_text()
    assert f"## {postrun.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_sample_run() -> None:
    """Real, small, whole, and with the fault that its script documents."""
    size = sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file())
    assert size <= 1_100_000
    run = postrun.load(SAMPLE)
    assert run.state is State.FINISHED and run.completeness.whole
    findings = {f.rule: f for f in postrun.diagnose(run)}
    assert {"RL001", "DAT004"} <= set(findings)
    assert findings["RL001"].severity >= Severity.WARNING
    onset = findings["RL001"].evidence[0].step_from
    assert onset is not None and 50 <= onset <= 120
    dead = [e.metric for e in findings["DAT004"].evidence]
    assert dead == ["metrics/exact_reward"]


def test_no_module_hides_a_public_name() -> None:
    # Importing `postrun.x` sets `x` of the package: a function of that name would be gone.
    modules = {path.stem for path in (ROOT / "src/postrun").iterdir()}
    assert not modules & set(postrun.__all__)


def test_public_names() -> None:
    for name in postrun.__all__:
        try:
            assert getattr(postrun, name).__doc__
        except ImportError as error:  # a callback of a framework that is not installed says so
            assert name.endswith("Callback") and "which is not installed" in str(error)
    with pytest.raises(AttributeError):
        _ = postrun.nonsense
