"""Runs, findings and values without what must not leave the machine.

Secrets are masked in everything that postrun writes, unless `--no-mask`; paths, e-mail addresses,
host and user names with `--anonymize`. Runs are masked as a whole, before any report sees them, so
that a new report cannot forget it. Rules have read the run as it is by then.

Masking changes no comparison: what stands for a secret holds a keyed hash of it, so that equal secrets stay
equal and different ones different.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from itertools import accumulate
from typing import Any

import polars as pl

from postrun.model import Damage, Evidence, Finding, Run
from postrun.privacy.anonymous import anonymous, people_of
from postrun.privacy.context import BY_NAME, Span
from postrun.privacy.frames import masked_column, plain_texts, without_key_blocks
from postrun.privacy.names import Told, told
from postrun.privacy.search import named_secret, secrets_in
from postrun.privacy.settings import Privacy

#: A number of at least so many digits may be a password, where its name says so.
_LEAST_DIGITS = 6
#: So many texts are looked through together, by Polars.
_MANY = 50


class Masker:
    """Masks what belongs to one run, or to none; `found` counts what was masked, by kind."""

    def __init__(self, privacy: Privacy, run: Run | None = None) -> None:
        self.privacy = privacy
        self.found: Counter[str] = Counter()
        self._people = people_of(run) if run is not None and privacy.anonymize else None
        self._plain: set[str] = set()  # texts without secrets, but for what their names say

    def text(self, text: str, name: str = "") -> str:
        """Return a text without secrets; `name` is the key under which it stands."""
        if self.privacy.mask and text:
            text = self._secrets(text, name)
        if self.privacy.anonymize and text:
            text = anonymous(text, self._people, self._count)
        return text

    def _secrets(self, text: str, name: str) -> str:
        spans = named_secret(text, name) if name else []
        if not spans and text not in self._plain:
            spans = secrets_in(text)
        return self._without(text, spans) if spans else text

    def _without(self, text: str, spans: list[Span]) -> str:
        parts, done = [], 0
        for span in spans:
            parts += [text[done : span.start], self._masked(span.kind, text[span.start : span.end])]
            done = span.end
        return "".join([*parts, text[done:]])

    def _masked(self, kind: str, secret: str) -> str:
        self.found[kind] += 1
        return f"[masked: {kind} #{self.privacy.mark(secret)}]"

    def _count(self, kind: str) -> None:
        self.found[kind] += 1

    def value(self, value: Any, name: str = "") -> Any:
        """Return any JSON-like value, its texts masked; keys as well, for they may hold secrets and paths."""
        if isinstance(value, dict | list | tuple):
            self._look(value)
        return self._value(value, name)

    def _look(self, value: Any) -> None:
        """Look through all texts of a value together, which is faster than one by one."""
        texts = set(_texts(value)) - self._plain if self.privacy.mask else set()
        if len(texts) >= _MANY:
            self._plain |= plain_texts(texts)

    def _value(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return self.text(value, name)
        if isinstance(value, dict):
            return {
                self.text(k) if isinstance(k, str) else k: self._value(v, _below(name, k))
                for k, v in value.items()
            }
        if isinstance(value, list | tuple):
            return self._list(value, name)
        if type(value) is int and abs(value) >= 10 ** (_LEAST_DIGITS - 1) and self.privacy.mask:
            return self._masked(BY_NAME, str(value)) if _is_password(name) else value
        return value

    def _list(self, values: list[Any] | tuple[Any, ...], name: str) -> list[Any]:
        """Return a list, whose texts may be the words of a command: a flag names what follows it."""
        masked: dict[int, str] = {}
        if self.privacy.mask and any(isinstance(v, str) and v[:1] == "-" for v in values):
            masked = self._words(values)
        out, flag = [], ""
        for at, value in enumerate(values):
            own = flag.lstrip("-") or name
            out.append(masked[at] if at in masked else self._value(value, own))
            flag = value if isinstance(value, str) and value[:1] == "-" and "=" not in value else ""
        return out

    def _words(self, values: list[Any] | tuple[Any, ...]) -> dict[int, str]:
        """Return the words of a command that hold a secret, masked, by their places: "curl" tells of "-u"."""
        words = [value if isinstance(value, str) else str(value) for value in values]
        spans = secrets_in(" ".join(words))
        starts = list(accumulate((len(word) + 1 for word in words), initial=0))
        out: dict[int, str] = {}
        for at, word in enumerate(words):
            inside = [
                s._replace(start=s.start - starts[at], end=s.end - starts[at])
                for s in spans
                if starts[at] <= s.start and s.end <= starts[at] + len(word)
            ]
            if inside:
                out[at] = self._without(word, inside)
        return out

    def run(self, run: Run) -> Run:
        """Return the run, masked; the same object if there was nothing to mask."""
        before = self.found.total()
        names = [*run.history.columns, *run.system.columns, *run.texts]
        self._look([run.identity, run.config, run.summary, run.environment, run.telemetry, run.requirements,
                    run.metrics, run.files, run.artifacts, run.alerts, run.completeness, names])  # fmt: skip
        who = replace(
            run.identity,
            **{
                f.name: self._value(getattr(run.identity, f.name), f.name)
                for f in fields(run.identity)
                if f.name not in ("started_at", "commit")
            },
        )
        done = run.completeness
        changed = replace(
            run,
            identity=who,
            config=self._value(run.config, ""),
            summary=self._value(run.summary, ""),
            history=self.frame(run.history),
            system=self.frame(run.system),
            console=self._console(run.console),
            environment=self._value(run.environment, ""),
            requirements=[self.text(line) for line in run.requirements],
            telemetry=self._value(run.telemetry, ""),
            texts={self.text(name): self._file(text) for name, text in run.texts.items()},
            metrics=[
                replace(m, name=self.text(m.name), x_axis=self.text(m.x_axis)) for m in run.metrics
            ],
            alerts=[
                replace(a, title=self.text(a.title), text=self.text(a.text)) for a in run.alerts
            ],
            artifacts=[
                replace(a, name=self.text(a.name), aliases=[self.text(t) for t in a.aliases])
                for a in run.artifacts
            ],
            files=[replace(f, path=self.text(f.path)) for f in run.files],
            origin={
                self.text(name): (at, self.text(key)) for name, (at, key) in run.origin.items()
            },
            completeness=replace(
                done,
                notes=[self.text(note) for note in done.notes],
                no_history=self.text(done.no_history),
                damage=[self._damage(d) for d in done.damage],
                seams=[replace(s, part=self.text(s.part)) for s in done.seams],
            ),
        )
        masked = self.found.total() > before
        if run.parts:  # what they hold is counted once, in the joined run
            counted = Counter(self.found)
            changed.parts = [self.run(part) for part in run.parts]
            masked |= self.found.total() > counted.total()
            self.found = counted
        return changed if masked else run

    def _damage(self, damage: Damage) -> Damage:
        return replace(damage, path=self.text(damage.path), reason=self.text(damage.reason))

    def findings(self, findings: list[Finding]) -> list[Finding]:
        """Return the findings, their texts masked (they may quote the console)."""
        return [
            replace(
                f,
                message=self.text(f.message),
                remedy=self.text(f.remedy),
                evidence=tuple(self._proof(e) for e in f.evidence),
                symptoms=tuple(self.findings(list(f.symptoms))),
            )
            for f in findings
        ]

    def _proof(self, proof: Evidence) -> Evidence:
        return replace(
            proof,
            metric=self.text(proof.metric),
            of=tuple(self.text(name) for name in proof.of),
            axis=self.text(proof.axis),
            run=self.text(proof.run),
        )

    def frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame whose names and texts (tables, prompts) are masked."""
        columns = [self.column(series) if series.dtype == pl.String else series for series in frame]
        names = [self.text(name) for name in frame.columns]
        if names == frame.columns and all(a is b for a, b in zip(columns, frame, strict=True)):
            return frame
        return pl.DataFrame([c.alias(n) for c, n in zip(columns, names, strict=True)])

    def column(self, column: pl.Series) -> pl.Series:
        """Return a column, the texts in it masked; its name tells what they may be."""
        if column.dtype == pl.List(pl.String):
            masked = [self._value(texts, column.name) for texts in column.to_list()]
            return pl.Series(column.name, masked, dtype=column.dtype)
        if column.dtype != pl.String:
            return column
        every = self.privacy.anonymize or (self.privacy.mask and told(column.name) is not Told.NONE)
        if not (every or self.privacy.mask):
            return column
        return masked_column(column, lambda text: self.text(text, column.name), every)

    def _lines(self, lines: pl.Series) -> pl.Series:
        if self.privacy.mask:
            lines = without_key_blocks(lines, lambda key: self._masked("private key", key))
        return self.column(lines)

    def _file(self, text: str) -> str:
        lines = pl.Series("line", text.split("\n"), dtype=pl.String)
        return "\n".join(self._lines(lines).to_list())

    def _console(self, console: pl.DataFrame) -> pl.DataFrame:
        if not console.height:
            return console
        masked = self._lines(console["line"])
        if masked is console["line"] or not (changed := masked != console["line"]).any():
            return console
        out = console.with_columns(masked)
        if "styled" in console.columns:  # colours might cut a secret in two: such lines lose them
            out = out.with_columns(
                pl.when(changed).then(None).otherwise(pl.col("styled")).alias("styled")
            )
        return out


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts of a JSON-like value, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, str):
                yield key
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))


def _below(name: str, key: object) -> str:
    return f"{name}.{key}" if name else str(key)


def _is_password(name: str) -> bool:
    return told(name) is Told.SURE


def masked_sentence(found: Mapping[str, int]) -> str:
    """Return what was masked, for a report; "" for nothing."""
    if not found:
        return ""
    kinds = ", ".join(f"{n} x {kind}" for kind, n in sorted(found.items()))
    total = sum(found.values())
    return f"{total} {'value' if total == 1 else 'values'} masked: {kinds}"


def protected(
    run: Run, findings: list[Finding], privacy: Privacy
) -> tuple[Run, list[Finding], Counter[str]]:
    """Return a run and its findings as reports may show them, and how many values of each kind were masked.

    The run is the same object if there was nothing to mask.
    """
    masker = Masker(privacy, run)
    masked = masker.run(run)
    counted = Counter(masker.found)  # before the findings, which quote the run
    return masked, masker.findings(findings), counted
