"""Write docs/schema.json: what each command prints with `--json`, as JSON Schema (`--print` writes to stdout).

A record with fixed keys allows no others, so a key that is added to an output must be added here as well.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from postrun.report.envelope import SCHEMA_VERSION
from postrun.rules.base import PREVIEW, STABLE
from postrun.watch.event import Kind

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {}
#: JSON has no NaN and infinities: they are written as strings, as W&B does.
NUMBER: Schema = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}


def ref(name: str) -> Schema:
    """Return a reference to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def many(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def maybe(value: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {"anyOf": [value, {"type": "null"}]}


def by_name(value: Schema) -> Schema:
    """Return the schema of an object whose keys are names, such as those of metrics."""
    return {"type": "object", "additionalProperties": value}


def record(about: str, optional: tuple[str, ...] = (), **fields: Schema) -> Schema:
    """Return the schema of an object with these keys and no others; all are there but the optional ones."""
    return {
        "description": about,
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name not in optional],
        "additionalProperties": False,
    }


def said(value: Schema, about: str) -> Schema:
    """Return a schema with a description."""
    return {**value, "description": about}


SEVERITY: Schema = {"enum": ["critical", "warning", "info", "good"]}
DIRECTION: Schema = {"enum": ["lower", "higher", "neither"]}
SPLIT: Schema = {"enum": ["train", "eval", "test", "none"]}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}

DEFINITIONS: dict[str, Schema] = {
    "number": NUMBER,
    "evidence": record(
        "One metric over one window.",
        ("run", "of"),
        metric=TEXT,
        role=maybe(TEXT),
        axis=said(TEXT, "Column of the history that counts the steps."),
        unit=said(TEXT, "What one step is called."),
        step_from=maybe(ref("number")),
        step_to=maybe(ref("number")),
        row_from=maybe(COUNT),
        row_to=maybe(COUNT),
        before=maybe(ref("number")),
        after=maybe(ref("number")),
        effect=maybe(ref("number")),
        n=maybe(COUNT),
        run=said(TEXT, "Id of the run that logged the metric, if several are read as one training."),
        of=said(many(TEXT), "The metrics, if the evidence is about several."),
    ),
    "finding": record(
        "One statement about a run. The story of a run counts its findings from 1.",
        ("preview",),
        rule=said(TEXT, "Code of the rule."),
        name=TEXT,
        severity=SEVERITY,
        confidence=SHARE,
        message=TEXT,
        remedy=TEXT,
        evidence=many(ref("evidence")),
        links=many(TEXT),
        symptoms=said(many(ref("finding")), "Findings that this one explains."),
        preview=said({"const": True}, "Only if the rule is in preview."),
    ),
    "coverage": record(
        "What of a run is understood, and what could not be judged.",
        metrics=COUNT,
        understood=COUNT,
        not_understood=many(TEXT),
        not_judged=many(record("One question.", topic=TEXT, lacks=TEXT)),
    ),
    "completeness": record(
        "What was read of a run, and what is missing.",
        source=TEXT,
        rows=COUNT,
        first_step=maybe(ref("number")),
        last_step=maybe(ref("number")),
        reported_last_step=maybe(ref("number")),
        sampled=FLAG,
        truncated=FLAG,
        dropped_rows=COUNT,
        dropped_more=FLAG,
        dropped_steps=many(ANY),
        dropped_at=many(ANY),
        no_history=TEXT,
        from_console=FLAG,
        unsure=TEXT,
        nonfinite_values=COUNT,
        media=by_name(COUNT),
        notes=many(TEXT),
    ),
    "metric": record(
        "What a metric is.",
        quantity=TEXT,
        role=maybe(TEXT),
        split=SPLIT,
        stat=TEXT,
        unit=TEXT,
        better=DIRECTION,
        x_axis=TEXT,
        pack=TEXT,
        confidence=SHARE,
        why=TEXT,
    ),
    "statistics": record(
        "A metric in seven values; the mean leaves warm-up rows out.",
        **dict.fromkeys(("initial", "final", "mean", "std", "min", "max"), ref("number")),
        trend={"enum": ["increasing", "decreasing", "flat"]},
    ),
    "cost": record(
        "What a run cost.",
        hours=maybe(ref("number")),
        gpus=maybe(COUNT),
        gpu_hours=maybe(ref("number")),
        kwh=maybe(ref("number")),
        power_sampled=maybe(ref("number")),
        kg_co2=maybe(ref("number")),
        co2_per_kwh=ref("number"),
    ),
    "forecast": record(
        "What the metric by which a run is judged would reach.",
        metric=TEXT,
        step=ref("number"),
        at=ref("number"),
        unit=TEXT,
        now=ref("number"),
        expected=maybe({"type": "object"}),
        reason=TEXT,
        planned=FLAG,
        note=TEXT,
        target=maybe(ref("number")),
        reach=maybe(many(maybe(ref("number")))),
        limit=maybe(ref("number")),
    ),
    "analysis": record(
        "All that is said of one run, as in detailed_analysis.json.",
        schema_version=said(COUNT, "Version of detailed_analysis.json."),
        run_id=TEXT,
        run_name=TEXT,
        state=ref("state"),
        url=maybe(TEXT),
        framework=maybe(TEXT),
        framework_evidence=maybe(TEXT),
        verdict=TEXT,
        story=many(record("One sentence.", text=TEXT, finding=maybe(COUNT))),
        analysis=by_name(by_name(ref("statistics"))),
        insights=many(TEXT),
        cost=ref("cost"),
        forecast=maybe(ref("forecast")),
        completeness=ref("completeness"),
        coverage=ref("coverage"),
        findings=many(ref("finding")),
        metrics=by_name(ref("metric")),
        folder=said(TEXT, "Folder of the run's files."),
        masked=said(TEXT, "What was masked, in a sentence; empty if nothing was."),
    ),
    "state": {"enum": ["finished", "failed", "crashed", "running", "unknown"]},
    "study": record(
        "The result of a command over many runs. The glossary describes the columns of the tables.",
        kind=TEXT,
        title=TEXT,
        headline=many(TEXT),
        caveats=many(TEXT),
        tables=by_name(many({"type": "object"})),
        text=said(by_name(many(TEXT)), "Sentences beside the tables, by the same keys."),
    ),
    "reading": record(
        "What the name of a metric may mean.",
        name=TEXT,
        quantity=TEXT,
        role=maybe(TEXT),
        split=SPLIT,
        statistic=TEXT,
        direction=DIRECTION,
        unit=TEXT,
        confidence=SHARE,
        why=TEXT,
        pack=TEXT,
        rules=said(many(TEXT), "Codes of the rules that judge this role."),
    ),
}  # fmt: skip

BRIEF = record(
    "With --brief: the same in a text of limited length.",
    ("failed", "folders", "page"),
    text=TEXT,
    tokens=COUNT,
    failed=FLAG,
    folders=many(TEXT),
    page=maybe(TEXT),
)
STUDIES = record(
    "Studies, and the files that were written.", studies=many(ref("study")), files=many(TEXT)
)
THRESHOLDS = by_name({"type": "number"})
STANDING = {
    "since": said(TEXT, "Version that brought the rule; empty if a plug-in does not name it."),
    "status": {"enum": [STABLE, PREVIEW]},
}

#: By command: what its results hold. Several: one of them.
RESULTS: dict[str, list[Schema]] = {
    "analyze": [
        record(
            "The runs that were analyzed, and the page that shows all of them.",
            runs=many(ref("analysis")),
            index=maybe(TEXT),
        ),
        BRIEF,
    ],
    "open": [record("The page that was asked for.", page=TEXT, opened=FLAG)],
    "list": [
        record(
            "The runs behind the targets.",
            runs=many(
                record(
                    "One run, as far as it is known without reading its history.",
                    id=TEXT,
                    name=TEXT,
                    project=TEXT,
                    state=ref("state"),
                    ended=said(TEXT, "How it ended, in words."),
                    started=said(maybe(ref("number")), "Unix time in seconds."),
                    bytes=maybe(COUNT),
                    path=TEXT,
                    source=TEXT,
                    values=said(by_name(ANY), "Last values by metric."),
                )
            ),
        )
    ],
    "pull": [
        record(
            "What became of each run.",
            runs=many(
                record(
                    "One run.",
                    id=TEXT,
                    status={"enum": ["new", "updated", "unchanged", "deleted", "failed"]},
                    folder=TEXT,
                    completeness=maybe(TEXT),
                    files=many(TEXT),
                )
            ),
        )
    ],
    "query": [record("Rows by column.", rows=many({"type": "object"}))],
    "store verify": [
        record(
            "Counts, bytes and one sentence for each damaged file.",
            **dict.fromkeys(
                ("runs", "files", "bytes", "unnamed", "unnamed_bytes", "batches", "copies"), COUNT
            ),
            problems=many(TEXT),
            pull_again=said(many(TEXT), "Targets whose runs are damaged."),
        )
    ],
    "store compact": [record("Batches before and after.", before=COUNT, after=COUNT)],
    "store prune": [
        record(
            "What was deleted; runs by reason.", files=COUNT, bytes=COUNT, runs=by_name(COUNT)
        )
    ],
    "store refresh": [record("Runs that were diagnosed again.", runs=COUNT)],
    **{
        name: [STUDIES]
        for name in ("compare", "sweep", "failures", "progress", "diff", "forecast", "cost")
    },
    "plot": [
        record(
            "Figures by run.", runs=many(record("One run.", id=TEXT, files=many(TEXT)))
        )
    ],
    "card": [
        record(
            "The card.",
            path=TEXT,
            status={"enum": ["card written", "section added", "section updated"]},
            plots=many(TEXT),
        )
    ],
    "watch": [
        record(
            "One event. The output has one line for each.",
            event={"enum": [kind.value for kind in Kind]},
            run=TEXT,
            name=TEXT,
            severity=SEVERITY,
            time=said(TEXT, "ISO 8601, UTC."),
            at=TEXT,
            step=maybe(ref("number")),
            message=TEXT,
            finding=maybe(ref("finding")),
            text=TEXT,
        )
    ],
    "check": [
        record(
            "Whether the gate failed, and why.",
            ("baseline",),
            failed=FLAG,
            runs=many(
                record(
                    "One run; the last three keys only with a baseline.",
                    ("worse", "known", "not_compared"),
                    id=TEXT,
                    findings=many(ref("finding")),
                    coverage=ref("coverage"),
                    worse=many(ref("finding")),
                    known=said(many(COUNT), "Positions of findings that the baseline has too."),
                    not_compared=many(TEXT),
                )
            ),
            baseline=said(many(TEXT), "Names of the known good runs."),
        ),
        BRIEF,
    ],
    "publish": [
        record(
            "What was written to runs on a server, or would be.",
            dry_run=FLAG,
            runs=many(
                record(
                    "One run.",
                    run=TEXT,
                    written=FLAG,
                    changes=many(record("One change.", what=TEXT, value=ANY)),
                )
            ),
        )
    ],
    "skill show": [record("The skill file.", text=TEXT)],
    "skill install": [
        record(
            "The file.", path=TEXT, status={"enum": ["written", "updated", "unchanged"]}
        )
    ],
    "rules": [
        record(
            "All rules.",
            rules=many(
                record(
                    "One rule.",
                    code=TEXT,
                    name=TEXT,
                    summary=TEXT,
                    needs=many(TEXT),
                    scope={"enum": ["training", "process"]},
                    symptom_of=many(TEXT),
                    thresholds=THRESHOLDS,
                    **STANDING,
                )
            ),
        )
    ],
    "plugins": [
        record(
            "Plug-ins of other packages.",
            plugins=many(
                record(
                    "One plug-in.",
                    **dict.fromkeys(("group", "name", "value", "package", "version"), TEXT),
                    problem=said(TEXT, "Why it cannot be used; empty if it can."),
                )
            ),
        )
    ],
    "explain": [
        record(
            "A rule's documentation.",
            code=TEXT,
            name=TEXT,
            documentation=TEXT,
            thresholds=THRESHOLDS,
            **STANDING,
        ),
        record(
            "What a metric's name means, the likeliest reading first.",
            metric=TEXT,
            readings=many(ref("reading")),
        ),
    ],
}  # fmt: skip


def schema() -> Schema:
    """Return the schema of what any command prints with `--json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "postrun --json",
        "description": "What every command of postrun prints with --json.",
        "type": "object",
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "command": said(
                {"enum": list(RESULTS)}, "Name of the command, with that of its group."
            ),
            "results": said(
                {"type": ["object", "null"]}, "Null if the command failed before it did anything."
            ),
            "errors": said(many(TEXT), "What went wrong, such as targets that cannot be read."),
        },
        "required": ["schema_version", "command", "results", "errors"],
        "additionalProperties": False,
        "allOf": [_of(name) for name in RESULTS],
        "$defs": DEFINITIONS | {_key(name): _results(name) for name in RESULTS},
    }


def _key(command: str) -> str:
    return f"results of {command}"


def _results(command: str) -> Schema:
    found = RESULTS[command]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _of(command: str) -> Schema:
    pointer = {"$ref": f"#/$defs/{_key(command).replace(' ', '%20')}"}
    return {
        "if": {"properties": {"command": {"const": command}}},
        "then": {"properties": {"results": maybe(pointer)}},
    }


def text() -> str:
    """Return the file."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    if "--print" in sys.argv:
        sys.stdout.write(text())
    else:
        Path(__file__).with_name("schema.json").write_text(text(), encoding="utf-8")
