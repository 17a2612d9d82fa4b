"""The tools: each answers in a text within a budget, with what was left out and what could not be checked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from postrun.agents.access import Access
from postrun.api import project
from postrun.engine import analyze_all
from postrun.job import Options, folder_names
from postrun.model import PostrunError, RunRef, TargetError, UsageError
from postrun.model.text import number
from postrun.privacy import Masker, Privacy
from postrun.records.project import Project
from postrun.report.brief import brief_frame, brief_runs, brief_study
from postrun.report.budget import DEFAULT, Budget, one_line
from postrun.report.explaining import metric_page, readings_of, rule_page
from postrun.report.listing import key_metric
from postrun.rules import find_rule
from postrun.sources import RemoteOptions, resolve_all

#: Runs of one call that are diagnosed, the newest first, and that are listed at most.
_MOST_RUNS, _MOST_LISTED = 20, 500


class ToolFailedError(PostrunError):
    """A tool that has no answer, with the reason as an agent may read it."""


class Tools:
    """The tools of one server. One call is answered at a time: each may use all cores."""

    def __init__(self, access: Access | None = None) -> None:
        self.access = access or Access()
        self._lock = threading.Lock()

    def list_runs(
        self, target: str, state: str = "", limit: int = 20, budget: int = DEFAULT
    ) -> str:
        """List the runs behind a target, newest first."""
        return self._answer([target], lambda: self._list(target, state, limit, budget))

    def diagnose(self, target: str, limit: int = 1, budget: int = DEFAULT) -> str:
        """Say what went wrong in the newest run or runs behind a target."""
        return self._answer([target], lambda: self._diagnose(target, limit, budget))

    def compare(
        self,
        targets: Sequence[str],
        metric: str = "",
        by: Sequence[str] = (),
        baseline: str = "",
        budget: int = DEFAULT,
    ) -> str:
        """Say which group of runs is better, and how sure that is."""
        from postrun import api_studies

        def answer() -> str:
            held = self._project(targets)
            study = api_studies.compare(held, metric, tuple(by), baseline=baseline)
            return brief_study(study, budget, held.problems)

        return self._answer(targets, answer)

    def failures(self, targets: Sequence[str], budget: int = DEFAULT) -> str:
        """Say why runs fail, and how often each cause occurs."""
        from postrun import api_studies

        def answer() -> str:
            held = self._project(targets)
            return brief_study(api_studies.failures(held), budget, held.problems)

        return self._answer(targets, answer)

    def query(self, sql: str, store: str = "store:", budget: int = DEFAULT) -> str:
        """Answer SQL over a store of runs."""
        from postrun.store import Store
        from postrun.store.query import query

        def answer() -> str:
            opened = Store(store)
            frame = Masker(Privacy(salt=opened.salt)).frame(query(opened, sql).collect())
            return brief_frame(frame, budget, [*map(str, opened.problems)])

        return self._answer([store], answer)

    def explain(self, what: str, target: str = "", budget: int = DEFAULT) -> str:
        """Explain a rule or the name of a metric."""

        def answer() -> str:
            out = Budget(budget)
            for rank, line in enumerate(self._page(what, target).splitlines()):
                out.say(line, rank, "line")
            return out.text()

        return self._answer([target] if target else [], answer)

    def report(self, target: str, budget: int = DEFAULT) -> str:
        """Write the HTML report of the newest run behind a target, and say where it lies."""
        return self._answer([target], lambda: self._report(target, budget))

    def _answer(self, targets: Sequence[str], answer: Callable[[], str]) -> str:
        """Return an answer; ToolFailedError with a masked reason instead of any error of a target."""
        masker = Masker(Privacy())
        try:
            self.access.require(targets)
            with self._lock:
                return answer()
        except PostrunError as error:
            raise ToolFailedError(one_line(masker.text(str(error)))) from error
        except OSError as error:
            told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise ToolFailedError(one_line(masker.text(told))) from error

    def _refs(self, target: str, **choice: object) -> tuple[list[RunRef], list[str]]:
        known = RemoteOptions(**choice)  # type: ignore[arg-type]
        refs, errors = resolve_all([target], known)
        if errors and not refs:
            raise errors[0]
        return refs, [str(error) for error in errors]

    def _list(self, target: str, state: str, limit: int, budget: int) -> str:
        limit = min(max(limit, 1), _MOST_LISTED)
        states = (state,) if state else ()
        refs, errors = self._refs(target, state=states)
        refs.sort(key=lambda ref: ref.modified, reverse=True)
        shown, mask = refs[:limit], Masker(Privacy()).text
        metric = key_metric(shown) if shown else ""
        out = Budget(budget)
        out.say(f"{len(refs):,} run{'' if len(refs) == 1 else 's'}, newest first:", 0, "line")
        for ref in shown:
            out.say(_row(ref, metric, mask), 1, "run")
        if len(refs) > len(shown):
            out.leave_out("run", len(refs) - len(shown))
        out.not_judged(f"Not read: {one_line(mask(error), 300)}" for error in errors)
        out.not_judged(["Listing reads no history: diagnose says what went wrong."])
        return out.text()

    def _diagnose(self, target: str, limit: int, budget: int) -> str:
        limit = min(max(limit, 1), _MOST_RUNS)
        refs, errors = self._refs(target)
        refs.sort(key=lambda ref: ref.modified, reverse=True)
        results = list(analyze_all(refs[:limit], Options(out=None), 1 if limit == 1 else None))
        errors += [r.error for r in results if r.error]
        read = [r for r in results if not r.error]
        if not read:
            raise TargetError(target, errors[0] if errors else "no run here")
        return brief_runs(read, budget, errors, unread=max(0, len(refs) - limit))

    def _project(self, targets: Sequence[str]) -> Project:
        if not targets:
            raise UsageError("no target. Name folders of runs, logs, or entity/project.")
        return project(list(targets))

    def _page(self, what: str, target: str) -> str:
        if not target:
            try:
                return rule_page(find_rule(what))
            except UsageError:
                return metric_page(what, readings_of(what), None)
        from postrun.metrics import RunView

        refs, errors = self._refs(target)
        if not refs:
            raise TargetError(target, errors[0] if errors else "no run here")
        view = RunView(refs[0].load())
        page = metric_page(what, readings_of(what, view), view, target)
        return Masker(Privacy(), view.run).text(page)

    def _report(self, target: str, budget: int) -> str:
        if self.access.out is None:
            raise UsageError("this server may not write: it was started with --read-only.")
        refs, errors = self._refs(target)
        if not refs:
            raise TargetError(target, errors[0] if errors else "no run here")
        refs.sort(key=lambda ref: ref.modified, reverse=True)
        from postrun.job import run_job

        options = Options(out=self.access.out, plots=False, together=False)
        result = run_job(refs[0], folder_names(refs[:1], options.privacy)[0], options)
        if result.error or result.folder is None:
            raise TargetError(target, result.error or "no report was written")
        page = result.folder / "report.html"
        told = brief_runs([result], max(budget - 60, 0), errors, unread=len(refs) - 1)
        return f"Report: {page.resolve()}\n{told}"


def _row(ref: RunRef, metric: str, mask: Callable[[str], str]) -> str:
    values = ref.values
    step = values.get("_step")
    parts = [one_line(mask(ref.id), 60), one_line(mask(ref.name), 80), ref.ended]
    parts += [] if step is None else [f"step {step:,.0f}"]
    parts += [f"{one_line(mask(metric), 60)} {number(values[metric])}"] if metric in values else []
    parts += [f"started {datetime.fromtimestamp(ref.modified, UTC):%Y-%m-%d %H:%M} UTC"]
    parts += [f"target {one_line(mask(str(ref.path)), 300)}"]
    return "  " + " · ".join(part for part in parts if part)
