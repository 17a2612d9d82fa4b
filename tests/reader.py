"""A report in a browser, as a reader opens it: from disk, with every complaint and request kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHARTS_READY = "performance.getEntriesByName('postrun-charts').length > 0"


def until(page: Any, expression: str) -> None:
    """Wait until a JavaScript expression is true: a busy machine takes longer than any fixed time."""
    for _ in range(400):  # not wait_for_function, whose eval the page's policy refuses
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never true: {expression}")


class Reader:
    """A page, opened from disk, whose every complaint and request is kept."""

    def __init__(self, chrome: Any, path: Path, **options: Any) -> None:
        self.context = chrome.new_context(viewport={"width": 1400, "height": 1000}, **options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.complaints.append(f"error: {e}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.goto(path.as_uri())
        # Not wait_for_function, whose eval the page's policy refuses.
        for _ in range(200 if options.get("java_script_enabled", True) else 0):
            if self.page.evaluate(CHARTS_READY):
                break
            self.page.wait_for_timeout(25)
        else:
            assert "java_script_enabled" in options, self.complaints

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def charts(self) -> Any:
        """Boxes of charts that are drawn and not filtered out."""
        return self.page.locator("#charts .chart:visible")

    def range(self, title: str) -> list[float]:
        """The x range that a chart shows."""
        found: list[float] = self.page.evaluate(
            """(title) => {
              const box = [...document.querySelectorAll('#charts .chart')]
                .find((c) => c.querySelector('div.title').textContent.startsWith(title));
              const x = box.chart.plot.scales.x;
              return [x.min, x.max];
            }""",
            title,
        )
        return found
