"""What bases read, looked up where the base stands: nobody may extend it yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from streamwatchd.diagnostics import Diagnostic, did_you_mean
from streamwatchd.rules import codes
from streamwatchd.rules.drafts import FileDraft, sources_of
from streamwatchd.rules.expecting import expect_parts
from streamwatchd.rules.expressions import Language
from streamwatchd.rules.form import Findings, Read


@dataclass(frozen=True, slots=True)
class Known:
    """Names that there are. `kinds` are those of all rules, `absent` what stands in files that are refused: of that
    nothing is said here."""

    sources: Collection[str]
    tables: Collection[str]
    kinds: Mapping[str, str]
    bases: Collection[str]
    absent: Collection[str] = ()

    def no_stream(self, name: str) -> tuple[str, str]:
        """Why nothing can be read by this name, and the way out; empty where it can."""
        if self.kinds.get(name) == "alarm":
            return f"`{name}` is an alarm; only sources, KPIs and anomaly rules can be read", ""
        if name in self.sources or name in self.kinds:
            return "", ""
        if name in self.bases:
            hint = "read a source or a KPI; a base says what rules that extend it take over"
            return f"`{name}` is a base, which is not run", hint
        known = [*self.sources, *(rule for rule, kind in self.kinds.items() if kind != "alarm")]
        hint = did_you_mean(name, known) or f"known: {', '.join(sorted(known)[:12])}"
        return f"no source or KPI has the name `{name}`", hint

    def no_table(self, name: str) -> tuple[str, str]:
        """The same of a table."""
        if name in self.tables:
            return "", ""
        hint = did_you_mean(name, self.tables) or "add it to the folder of tables, as a CSV file or more"
        return f"there is no table `{name}`", hint


def base_problems(file: FileDraft, known: Known) -> list[Diagnostic]:
    """Sources and tables that the bases of a file name and that are nowhere."""
    findings = Findings(file.document)
    for name, body in file.bases.items():
        with findings.about(name):
            _check(body, known, findings)
    return findings.problems


def _check(body: Read, known: Known, findings: Findings) -> None:
    for source in sources_of(body):
        message, hint = known.no_stream(source.text)
        if message and source.text not in known.absent:
            findings.add(codes.UNKNOWN_SOURCE, message, source.span, hint=hint)
    scalar = body.scalar("expect")
    parts = expect_parts(scalar, findings) if scalar is not None and scalar.value is not None else None
    if scalar is None or parts is None:
        return
    message, hint = known.no_table(parts[0])
    if message:
        findings.add(codes.UNKNOWN_TABLE, message, scalar.span, hint=hint)
    if parts[1] is not None:
        Language(findings).legible(parts[1])
