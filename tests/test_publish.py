"""Findings written back: the real SDK against the stand-in."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import postrun
from postrun.cli.main import cli
from postrun.report.section import END, begin, with_section
from tests.printed import envelope_of
from tests.standin import Fault, ServerRun, StandIn

#: Assembled here, so that no scanner takes this file for a leak.
SECRET = "sk-" + "proj-" + "Zk3" * 14
WRITES = ("UpsertBucket", "NotifyScriptableRunAlert")


def broken(server: StandIn, id: str = "r1", metric: str = "loss") -> ServerRun:  # noqa: A002
    """A run whose loss becomes NaN at step 120, with all that a user may have put on it."""
    run = ServerRun(
        "ent", "p", id, name="my run", tags=["mine", "postrun:best", "postrun:OPT999"],
        notes="My own words.\n\n- kept  ", group="g", job_type="train",
        config={"_wandb": {"value": {"m": []}}, "lr": {"value": 0.1}, "deep": {"value": {"a": [1, None]}}},
        summary={"nested": {"x": {"y": 1}}, "bad": float("nan"), "list": [1, 2]},
    )  # fmt: skip
    for i in range(200):
        value = 1 / (i + 1) if i < 120 else float("nan")
        run.log({"_step": i, "_runtime": i * 0.5, "_timestamp": 1.7e9 + i * 0.5, metric: value})
    assert run.last_step == 199  # which the stand-in keeps
    return server.add(run)


def ask(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["publish", *arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def writes(server: StandIn) -> int:
    return sum(server.count(name) for name in WRITES)


@pytest.mark.slow
def test_notes_tags_verdict_and_alert_are_written_and_all_else_stays(server: StandIn) -> None:
    run = broken(server)
    before = copy.deepcopy(run)
    ask("ent/p/r1", "--alert", "critical")
    assert run.notes is not None and run.notes.startswith(
        "My own words.\n\n- kept\n\n" + begin("postrun publish")
    )
    assert run.notes.endswith(END) and "not finite from step 120" in run.notes
    assert run.tags[:2] == ["mine", "postrun:best"] and "postrun:OPT999" not in run.tags
    assert "postrun:critical" in run.tags
    codes = {tag.removeprefix("postrun:") for tag in run.tags[3:]}
    assert codes and all(code in run.notes for code in codes)
    summary = dict(run.summary)
    said, alerted = summary.pop("postrun/verdict"), summary.pop("postrun/alert")
    assert summary == {**before.summary, "bad": "NaN"}  # as servers write it
    assert alerted.startswith(said)
    assert run.alerts == [{"title": "postrun", "text": alerted, "severity": "ERROR"}]
    assert {k: v["value"] for k, v in run.config.items()} == {
        k: v["value"] for k, v in before.config.items()
    }
    for name in ("name", "group", "job_type", "state", "rows"):
        assert getattr(run, name) == getattr(before, name)


def test_a_second_call_writes_nothing(server: StandIn) -> None:
    run = broken(server)
    ask("ent/p/r1", "--alert", "warning")
    known, count = copy.deepcopy(run), writes(server)
    assert "nothing to write" in ask("ent/p/r1", "--alert", "warning").output
    assert writes(server) == count and run == known


def test_what_has_changed_since_is_replaced_and_own_words_stay(server: StandIn) -> None:
    run = broken(server)
    ask("ent/p/r1")
    assert run.notes is not None
    run.notes = f"{run.notes}\n\nAdded later."
    run.rows = [
        json.dumps({**json.loads(r), "loss": 2.0 - i / 200}) for i, r in enumerate(run.rows)
    ]
    ask("ent/p/r1")
    assert run.notes.startswith("My own words.") and run.notes.endswith("Added later.")
    assert run.notes.count(END) == 1 and "postrun:critical" not in run.tags
    assert run.alerts == []


def test_an_alert_may_be_asked_for_later_and_comes_once(server: StandIn) -> None:
    run = broken(server)
    ask("ent/p/r1")
    for _ in range(2):
        ask("ent/p/r1", "--alert", "critical")
    assert len(run.alerts) == 1


def test_a_dry_run_shows_what_the_call_then_writes(server: StandIn) -> None:
    run = broken(server)
    before = copy.deepcopy(run)
    shown = ask("ent/p/r1", "--alert", "critical", "--dry-run").output
    plan = envelope_of(ask("ent/p/r1", "--alert", "critical", "--dry-run", "--json").output)
    assert writes(server) == 0 and run == before
    ask("ent/p/r1", "--alert", "critical")
    (told,) = plan["results"]["runs"]
    values = {change["what"]: change["value"] for change in told["changes"]}
    assert not told["written"] and plan["errors"] == []
    assert set(values) == {
        "notes", "tags", "summary postrun/verdict", "summary postrun/alert", "alert ERROR",
    }  # fmt: skip
    assert run.notes == f"My own words.\n\n- kept\n\n{values['notes']}"
    assert run.tags == values["tags"]
    assert run.summary["postrun/verdict"] == values["summary postrun/verdict"]
    assert run.alerts[0]["text"] == values["alert ERROR"]
    assert values["notes"].splitlines()[2] in shown and ", ".join(values["tags"]) in shown


def test_secrets_and_hostile_names_do_no_harm(server: StandIn) -> None:
    run = broken(server, metric=f"loss/{SECRET}/<!-- postrun:end -->\x1b[31m<script>")
    output = ask("ent/p/r1", "--alert", "warning").output
    assert run.notes is not None and "[masked: " in run.notes.replace("\\", "")
    everything = f"{output}{run.notes}{run.tags}{run.summary}{run.alerts}"
    assert SECRET not in everything
    assert run.notes.count(END) == 1 and "<script>" not in run.notes and "\x1b" not in run.notes


def test_what_hides_a_secret_is_the_same_for_every_user(
    server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = broken(server, metric=f"loss/{SECRET}")
    ask("ent/p/r1")
    notes = run.notes
    monkeypatch.setattr("postrun.privacy.settings.own_salt", lambda folder: b"another user's" * 3)
    ask("ent/p/r1")
    assert run.notes == notes


def test_a_running_run_is_left_alone_and_the_others_are_written(server: StandIn) -> None:
    live, run = broken(server, "live"), broken(server, "r2")
    live.state = "running"
    done = ask("ent/p", code=3)
    assert "still running" in done.stderr and "ent/p/r2: wrote notes" in done.stdout
    assert "postrun/verdict" in run.summary and "postrun/verdict" not in live.summary


def test_a_run_on_disk_is_no_target(tmp_path: Path, server: StandIn) -> None:
    (tmp_path / "x.csv").write_text("_step,loss\n0,1\n1,2\n")
    assert "not on a W&B server" in ask(str(tmp_path / "x.csv"), code=3).stderr
    assert writes(server) == 0


def test_without_permission_to_write_the_error_says_so(server: StandIn) -> None:
    run = broken(server)
    server.faults.append(Fault("UpsertBucket", "403"))
    assert "no permission" in ask("ent/p/r1", code=3).stderr
    assert run.notes == "My own words.\n\n- kept  "


def test_a_section_whose_end_is_missing_costs_no_words() -> None:
    cut = f"a\n{begin('postrun publish')}\nmine"
    once, replaced = with_section(cut, f"{begin('x')}\n1\n{END}")
    assert not replaced and once.startswith(cut)
    twice, replaced = with_section(once, f"{begin('x')}\n2\n{END}")
    assert replaced and twice == once.replace("\n1\n", "\n2\n")


def test_a_report_has_panels_at_the_evidence_and_is_written_once(
    server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb_workspaces.reports.v2")
    from wandb_workspaces.reports.v2 import interface

    def forbidden() -> None:
        raise AssertionError("the package connects by itself")

    monkeypatch.setattr(interface, "_get_api", forbidden)
    run = broken(server)
    shown = ask("ent/p/r1", "--report", "--dry-run").output
    assert server.reports == {} and "postrun: my run (new)" in shown
    assert "report" in ask("ent/p/r1", "--report").output
    ((id_, report),) = server.reports.items()
    assert run.summary["postrun/report"] == id_
    assert report["displayName"] == "postrun: my run" and report["type"] == "runs"
    model = interface.internal.ReportViewspec.model_validate(
        {**report, "id": id_, "project": {"name": "p", "entityName": "ent"}}
    )
    blocks = {block.type: block for block in model.spec.blocks}
    assert "not finite from step 120" in blocks["markdown-block"].content
    grid = blocks["panel-grid"].metadata
    (runs,) = grid.run_sets
    assert (runs.project.entity_name, runs.project.name, runs.project.id) == ("ent", "p", "41")
    written = json.loads(report["spec"])["blocks"][2]["metadata"]
    (condition,) = written["runSets"][0]["filters"]["filters"]
    assert (condition["key"]["name"], condition["value"]) == ("name", "r1")
    panels = [panel["config"] for panel in written["panelBankSectionConfig"]["panels"]]
    bad = next(p for p in panels if p["chartTitle"].startswith("OPT001 loss"))
    assert bad["metrics"] == ["loss"] and bad["xAxis"] == "_step"
    assert bad["xAxisMin"] < 120 and bad["xAxisMax"] >= 199
    count = writes(server)
    assert "nothing to write" in ask("ent/p/r1", "--report").output
    assert writes(server) == count and server.count("upsertView") == 1
    run.rows = [json.dumps({**json.loads(r), "loss": 1 + i}) for i, r in enumerate(run.rows)]
    assert "(replaced)" in ask("ent/p/r1", "--report", "--dry-run").output
    ask("ent/p/r1", "--report")
    assert list(server.reports) == [id_]  # replaced
    server.reports.clear()
    ask("ent/p/r1", "--report")
    assert len(server.reports) == 1  # its owner had deleted it


def test_undo_takes_away_what_was_published_and_nothing_else(server: StandIn) -> None:
    pytest.importorskip("wandb_workspaces.reports.v2")
    run = broken(server)
    run.tags = ["mine", "postrun:best"]
    before = copy.deepcopy(run)
    ask("ent/p/r1", "--report", "--alert", "critical")
    written = copy.deepcopy(run)
    shown = ask("ent/p/r1", "--undo", "--dry-run").output
    assert "would take away notes, tags" in shown and "report" in shown and run == written
    ask("ent/p/r1", "--undo")
    assert server.reports == {} and run.tags == before.tags
    assert run.notes == "My own words.\n\n- kept"
    assert run.summary == {**before.summary, "bad": "NaN"}  # as servers write it
    assert "nothing to take away" in ask("ent/p/r1", "--undo").output
    refused = CliRunner().invoke(cli, ["publish", "ent/p/r1", "--undo", "--report"])
    assert "Leave out" in str(refused.exception)


def test_the_library_publishes_as_the_command_does(server: StandIn) -> None:
    run, live = broken(server), broken(server, "live")
    live.state = "running"
    before = copy.deepcopy(run)
    planned = {told.run: told for told in postrun.publish("ent/p", alert="critical", dry_run=True)}
    assert writes(server) == 0 and run == before and not planned["ent/p/r1"].written
    done = postrun.publish(["ent/p", "ent/gone/r9"], alert="critical")
    told = {published.run: published for published in done}
    assert told["ent/p/r1"].written and told["ent/p/r1"].changes == planned["ent/p/r1"].changes
    assert "still running" in told["live"].error and not told["live"].changes
    assert told["ent/gone/r9"].error and len(told) == 3
    assert run.summary["postrun/verdict"] in (run.notes or "")
    postrun.publish("ent/p/r1", undo=True)
    assert "postrun" not in f"{run.notes}{run.summary}" and run.tags == ["mine", "postrun:best"]


def test_what_the_library_cannot_publish_is_an_error(server: StandIn) -> None:
    with pytest.raises(postrun.UsageError, match="alert"):
        postrun.publish("ent/p/r1", alert="loud")
    with pytest.raises(postrun.UsageError, match="undo"):
        postrun.publish("ent/p/r1", alert="critical", undo=True)
    with pytest.raises(postrun.TargetError):
        postrun.publish("ent/none/r1")
