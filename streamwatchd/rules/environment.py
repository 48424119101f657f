"""`${env:NAME}` and `${env:NAME:-default}` in the values of `streamwatchd.yaml`, put in after parsing.

After parsing, so that a variable can never change the structure of the file. See `streamwatchd.environment`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import replace

from streamwatchd.environment import put_in
from streamwatchd.rules import codes
from streamwatchd.rules.core_schema import resolve
from streamwatchd.rules.document import Mapping, Node, Scalar, Sequence
from streamwatchd.rules.form import Findings


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
    def unread(found: re.Match[str]) -> None:
        hint = "write `${env:NAME}` or `${env:NAME:-default}`; `$$` is a plain `$`"
        _report(scalar, found, codes.ENVIRONMENT_FORM, f"`{found[0]}` can't be read", hint, findings)

    def unset(found: re.Match[str]) -> None:
        hint = f"set it, or give a default: `${{env:{found[1]}:-…}}`"
        _report(scalar, found, codes.ENVIRONMENT_UNSET, f"the variable `{found[1]}` is not set", hint, findings)

    text = put_in(scalar.text, environment, unread=unread, unset=unset)
    return replace(scalar, text=text, value=text if scalar.style else resolve(text))


def _report(scalar: Scalar, found: re.Match[str], code: str, message: str, hint: str, findings: Findings) -> None:
    findings.add(code, message, findings.document.within(scalar, found.start(), found.end()), hint=hint)
