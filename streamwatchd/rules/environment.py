"""`${env:NAME}` and `${env:NAME:-default}` in the values of `streamwatchd.yaml`, put in after parsing.

After parsing, so that a variable can never change the structure of the file. `$$` is a plain `$`.
Form: https://opentelemetry.io/docs/specs/otel/configuration/data-model/#environment-variable-substitution
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import replace

from streamwatchd.rules import codes
from streamwatchd.rules.core_schema import resolve
from streamwatchd.rules.document import Mapping, Node, Scalar, Sequence
from streamwatchd.rules.form import Findings

_REFERENCE = re.compile(r"\$\$|\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}\n]*))?\}|\$\{[^}]*\}?")


def expand(node: Node, findings: Findings, environment: MappingOf[str, str]) -> Node:
    """The tree with references replaced, keys excepted."""
    match node:
        case Mapping(entries=entries):
            found = tuple((key, expand(value, findings, environment)) for key, value in entries)
            return replace(node, entries=found)
        case Sequence(items=items):
            return replace(node, items=tuple(expand(item, findings, environment) for item in items))
        case Scalar(text=text) if "$" in text:
            return _expanded(node, findings, environment)
        case _:
            return node


def _expanded(scalar: Scalar, findings: Findings, environment: MappingOf[str, str]) -> Scalar:
    def put_in(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        if found[1] is None:
            hint = "write `${env:NAME}` or `${env:NAME:-default}`; `$$` is a plain `$`"
            _report(scalar, found, codes.ENVIRONMENT_FORM, f"`{found[0]}` can't be read", hint, findings)
            return ""
        value = environment.get(found[1]) or found[2]
        if value is None:
            hint = f"set it, or give a default: `${{env:{found[1]}:-…}}`"
            _report(scalar, found, codes.ENVIRONMENT_UNSET, f"the variable `{found[1]}` is not set", hint, findings)
        return value or ""

    text = _REFERENCE.sub(put_in, scalar.text)
    return replace(scalar, text=text, value=text if scalar.style else resolve(text))


def _report(scalar: Scalar, found: re.Match[str], code: str, message: str, hint: str, findings: Findings) -> None:
    findings.add(code, message, findings.document.within(scalar, found.start(), found.end()), hint=hint)
