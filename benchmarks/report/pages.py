"""The report's own size and speed in a real browser, against its goals.

    python -m benchmarks.report.pages        (or: make report-bench)

Runs are logged by the real SDK (once; several minutes) and kept in benchmarks/out. Times in the browser
run from the start of the navigation to the file; best of three fresh pages.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import postrun
from benchmarks.report.browser import browser
from benchmarks.seed_sized import make_seed_sized
from postrun.report.html.comparison_page import write_comparison
from postrun.report.html.library import chart_library
from postrun.report.html.run_page import write_report
from postrun.studies import Comparison

HERE = Path(__file__).parents[1]
OUT = HERE / "out"
ROUNDS = 3
VISIBLE = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
CHARTS = "(performance.getEntriesByName('postrun-charts')[0] || {}).startTime"
ZOOM = """async () => {
  const frame = document.querySelector('#charts .frame');
  const painted = () => new Promise((r) => requestAnimationFrame(() => setTimeout(r)));
  frame.focus();
  const times = [];
  for (const key of ['+', '+', 'ArrowRight', '-', '0']) {
    const begin = performance.now();
    frame.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    await painted();
    times.push(performance.now() - begin);
  }
  return Math.max(...times);
}"""


def logged(steps: int, metrics: int, folder: Path, seed: int = 0) -> Path:
    """A run written by a process of its own."""
    numbers = [str(steps), str(metrics), str(folder), str(seed)]
    command = [sys.executable, str(HERE / "make_run.py"), *numbers]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(done.stdout.splitlines()[-1])


def best_of(work: Callable[[], object]) -> float:
    """Seconds of the fastest of three calls."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def one_run(source: Path, path: Path) -> float:
    """Write the report of a run; seconds."""
    view = postrun.RunView(postrun.load(source))
    findings = postrun.diagnose(view)
    return best_of(lambda: write_report(path, view, findings))


def many_runs(path: Path) -> float:
    """Write the report of 200 runs; seconds."""
    sources = [logged(1_000, 20, OUT / "two_hundred" / f"s{i}", i + 1) for i in range(200)]
    views = [postrun.RunView(postrun.load(source)) for source in sources]
    comparison = Comparison.of(views, [postrun.diagnose(view) for view in views])
    return best_of(lambda: write_comparison(path, comparison))


def main() -> None:
    """Print the table."""
    OUT.mkdir(exist_ok=True)
    library = sum(len(text.encode()) for text in chart_library())
    seed, million, many = (OUT / f"{name}.html" for name in ("seed", "million", "many"))
    written = {
        seed: ("seed-sized, 1,000 x 73", one_run(make_seed_sized(OUT / "seed_sized"), seed)),
        million: ("1,000,000 x 1", one_run(logged(1_000_000, 1, OUT / "million"), million)),
        many: ("200 runs of 1,000 x 20", many_runs(many)),
    }
    print(f"library (uPlot): {library / 1000:.0f} kB in each page\n")
    print("| report | written in | size | findings visible | all charts drawn | slowest zoom |")
    print("|---|---:|---:|---:|---:|---:|")
    with browser() as chromium:
        for path, (name, seconds) in written.items():
            found = []
            for _ in range(ROUNDS):
                tab = chromium.new_page(viewport={"width": 1400, "height": 1000})
                tab.goto(path.as_uri())
                while not tab.evaluate(
                    CHARTS
                ):  # wait_for_function needs eval, which the page refuses
                    tab.wait_for_timeout(10)
                found.append((tab.evaluate(VISIBLE), tab.evaluate(CHARTS), tab.evaluate(ZOOM)))
                tab.close()
            visible, charts, zoom = (min(column) for column in zip(*found, strict=True))
            print(
                f"| {name} | {seconds:.2f} s | {path.stat().st_size / 1e6:.2f} MB "
                f"| {visible / 1000:.2f} s | {charts / 1000:.2f} s | {zoom:.0f} ms |",
                flush=True,
            )


if __name__ == "__main__":
    main()
