"""The parts of docs/schema.json that commands share: how schemas are written, and definitions."""

from __future__ import annotations

from typing import Any

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
