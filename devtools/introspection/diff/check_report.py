"""What a check found, as text, Markdown for a pull request, JSON, or JUnit's XML. Pure: strings out of values."""

import re
from collections.abc import Callable, Mapping, Sequence
from xml.etree import ElementTree

import msgspec

from devtools.introspection.diff.check import RULES, Finding, fails
from devtools.introspection.diff.report import code, escaped

SENTENCES = {rule.code: rule.sentence for rule in RULES}

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_text(findings: Sequence[Finding], against: str) -> str:
    """For a terminal."""
    lines = [f"{_grade(finding):<7}  {finding.code:<17}  {_told(finding)}" for finding in findings]
    return "\n".join([*lines, _verdict(findings, against)]) + "\n"


def as_markdown(findings: Sequence[Finding], against: str) -> str:
    """For a comment on a pull request."""
    mark = "❌" if fails(findings) else "✅"
    parts = [f"### {mark} {escaped(_verdict(findings, against))}\n"]
    for rule in RULES:
        found = [finding for finding in findings if finding.code == rule.code]
        if found:
            rows = "".join(f"- {_markdown(finding)}\n" for finding in found)
            parts.append(f"**{rule.code}** {escaped(rule.sentence)}\n\n{rows}")
    return "\n".join(parts)


def _markdown(finding: Finding) -> str:
    ignored = f" (ignored: {escaped(finding.ignored)})" if finding.ignored is not None else ""
    warning = "warning: " if finding.grade == "warning" else ""
    return f"{warning}{code(finding.subject)} {escaped(finding.message)}{ignored}"


def as_json(findings: Sequence[Finding], against: str) -> str:
    """For programs."""
    shown = {
        "against": against,
        "ok": not fails(findings),
        "findings": [
            {
                "code": finding.code,
                "severity": finding.grade,
                "subject": finding.subject,
                "message": finding.message,
                "ignored": finding.ignored,
            }
            for finding in findings
        ],
    }
    return msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n"


def as_junit(findings: Sequence[Finding], against: str) -> str:
    """For a CI server: one test case per rule, and its findings as failures."""
    failing = [rule for rule in RULES if any(f.fails for f in findings if f.code == rule.code)]
    suite = ElementTree.Element(
        "testsuite",
        name=_in_xml(f"devtools check against {against}"),
        tests=str(len(RULES)),
        failures=str(len(failing)),
        errors="0",
    )
    for rule in RULES:
        case = ElementTree.SubElement(suite, "testcase", classname="devtools.check", name=rule.code)
        found = [finding for finding in findings if finding.code == rule.code]
        told = _in_xml("\n".join(f"{_grade(finding)}: {_told(finding)}" for finding in found))
        if rule in failing:
            ElementTree.SubElement(case, "failure", message=rule.sentence).text = told
        elif found:
            ElementTree.SubElement(case, "system-out").text = told
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _in_xml(text: str) -> str:
    return _NOT_IN_XML.sub("�", text)


FORMATS: Mapping[str, Callable[[Sequence[Finding], str], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
    "junit": as_junit,
}
"""Every format by its name on the command line."""


def _grade(finding: Finding) -> str:
    return "ignored" if finding.ignored is not None else finding.grade


def _told(finding: Finding) -> str:
    return finding.message + (f" Ignored: {finding.ignored}" if finding.ignored is not None else "")


def _verdict(findings: Sequence[Finding], against: str) -> str:
    failing = sum(finding.fails for finding in findings)
    ignored = sum(finding.ignored is not None for finding in findings)
    warnings = len(findings) - failing - ignored
    words = [
        f"{count} {word}{'' if count == 1 or word == 'ignored' else 's'}"
        for count, word in ((failing, "error"), (warnings, "warning"), (ignored, "ignored"))
        if count
    ]
    return f"Compared with {against}: {', '.join(words) or 'nothing found'}."
