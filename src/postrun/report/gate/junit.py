"""The result of a gate as JUnit XML, which CI servers show as tests.

One test suite for each run. In it, one test for each finding (failed if it fails the gate), one skipped test
for each question that could not be judged, and one test for the run as a whole. The elements are those of the
Jenkins schema, `junit-10.xsd`.
"""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from postrun.model import Finding
from postrun.report.gate.base import KNOWN, Checked, Gate, evidence_words, xml_text


def render(gate: Gate) -> str:
    """Return an XML document, in ASCII. Characters that XML cannot hold become "�"."""
    root = ET.Element("testsuites", name="postrun")
    for run in gate.runs:
        _suite(root, gate, run)
    if gate.errors:
        suite = ET.SubElement(root, "testsuite", name="postrun: targets that could not be read")
        for number, error in enumerate(gate.errors, start=1):
            case = _case(suite, "postrun.read", f"target {number}")
            ET.SubElement(case, "error", type="unreadable", message=xml_text(error))
        _count(suite)
    for kind in ("tests", "failures", "errors"):
        root.set(kind, str(sum(int(suite.get(kind, "0")) for suite in root)))
    ET.indent(root)
    # With references for all other characters it can be printed and stored in any encoding.
    data: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return data.decode("ascii")


def _suite(root: ET.Element, gate: Gate, run: Checked) -> None:
    suite = ET.SubElement(root, "testsuite", name=xml_text(run.name), id=xml_text(run.id))
    properties = ET.SubElement(suite, "properties")
    facts = {"path": run.path, "state": run.state, "history": run.completeness}
    facts |= {"verdict": run.verdict, "understood": run.coverage.counted}
    if gate.baseline:
        facts["baseline"] = ", ".join(gate.baseline)
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=xml_text(value))
    owner = f"postrun.{run.id}"
    names: Counter[str] = Counter()
    for finding, state in run.told():
        name = f"{finding.rule} {finding.name}: {_metric(finding)}".rstrip(": ")
        names[name] += 1  # servers take tests of one name for one test
        case = _case(suite, owner, f"{name} #{names[name]}" if names[name] > 1 else name)
        lines = [finding.message, *evidence_words(finding)]
        lines += [f"What to do: {finding.remedy}"] if finding.remedy else []
        lines += ["The baseline has this finding as well."] * (gate.state_of(state) == KNOWN)
        if gate.fails(finding, state):
            failure = ET.SubElement(case, "failure", type=finding.severity.label)
            failure.set("message", xml_text(finding.message))
            failure.text = xml_text("\n".join(lines))
        else:
            ET.SubElement(case, "system-out").text = xml_text("\n".join(lines))
    for topic, lacks in run.coverage.gaps.items():
        skipped = ET.SubElement(_case(suite, owner, f"not judged: {topic}"), "skipped")
        skipped.set("message", xml_text(f"the run has {lacks}"))
    for why in run.not_compared:
        skipped = ET.SubElement(_case(suite, owner, f"not compared: {why}"), "skipped")
        skipped.set("message", xml_text(why))
    whole = _case(suite, owner, "the run was read and judged")
    ET.SubElement(whole, "system-out").text = xml_text(run.verdict)
    _count(suite)


def _metric(finding: Finding) -> str:
    return finding.evidence[0].metric if finding.evidence else ""


def _case(suite: ET.Element, owner: str, name: str) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", classname=xml_text(owner), name=xml_text(name), time="0"
    )


def _count(suite: ET.Element) -> None:
    """Set the counts of a suite."""
    counts = {"tests": "testcase", "failures": "testcase/failure", "errors": "testcase/error"}
    for name, path in (counts | {"skipped": "testcase/skipped"}).items():
        suite.set(name, str(len(suite.findall(path))))
