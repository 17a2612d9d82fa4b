"""Fill the outputs in pages: run what stands above each, and write what it prints.

A page marks a place with one of these lines; all between it and `<!-- end -->` is replaced:

    <!-- output: postrun check examples/sample_run -->
    <!-- output of the code above -->

Commands run in an empty folder that holds `examples/sample_run`, in a terminal of 80 columns. `--check` writes
nothing and exits with 1 if a page differs from what its commands print.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
_COMMAND = re.compile(r"<!-- output: (?P<what>.+?) -->\n.*?<!-- end -->", re.S)
_CODE = re.compile(
    r"(?P<code>```python\n(?P<what>(?:(?!```).)+)```\n\n)<!-- output of the code above -->\n.*?<!-- end -->",
    re.S,
)


def filled(text: str, folder: Path) -> str:
    """Return a page with all its outputs made again; commands run in `folder`."""

    def command(match: re.Match[str]) -> str:
        what = match["what"]
        printed = _printed([sys.executable, "-m", "postrun", *shlex.split(what)[1:]], folder)
        return f"<!-- output: {what} -->\n```text\n$ {what}\n{printed}\n```\n<!-- end -->"

    def code(match: re.Match[str]) -> str:
        printed = _printed([sys.executable, "-c", match["what"]], folder)
        return f"{match['code']}<!-- output of the code above -->\n```text\n{printed}\n```\n<!-- end -->"

    return _CODE.sub(code, _COMMAND.sub(command, text))


def _printed(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8",
                   "XDG_CACHE_HOME": str(folder / ".cache"), "TERM": "dumb"}  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{shlex.join(command)} ended with {done.returncode}: {done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def main() -> int:
    """Write the pages that changed; returns the exit code."""
    changed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample = DOCS.parent / "examples" / "sample_run"
        shutil.copytree(sample, folder / "examples" / "sample_run")
        for path in sorted(DOCS.rglob("*.md")):
            before = path.read_text(encoding="utf-8")
            after = filled(before, folder) if "<!-- output" in before else before
            if after != before:
                changed.append(path)
                if "--check" not in sys.argv:
                    path.write_text(after, encoding="utf-8")
    if changed and "--check" in sys.argv:
        print("not what the commands print (make docs): " + ", ".join(p.name for p in changed))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
