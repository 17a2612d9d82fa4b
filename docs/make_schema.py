"""Write docs/schema.json: what each command prints with `--json`, as JSON Schema (`--print` writes to stdout).

A record with fixed keys allows no others, so a key that is added to an output must be added here, or to what
commands share in `schema_parts.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from schema_parts import (
    ANY,
    COUNT,
    DEFINITIONS,
    FLAG,
    SEVERITY,
    TEXT,
    Schema,
    by_name,
    many,
    maybe,
    record,
    ref,
    said,
)

from postrun.report.envelope import SCHEMA_VERSION
from postrun.rules.base import PREVIEW, STABLE
from postrun.watch.event import Kind

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
