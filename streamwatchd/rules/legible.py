"""Whether the expressions of a record can be read at all, whatever their names mean: for bases, which nobody builds."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd import fields as forms
from streamwatchd.fields import Form
from streamwatchd.rules.document import Mapping, Node, Scalar, Sequence
from streamwatchd.rules.expressions import Language
from streamwatchd.rules.form import Findings, Read

_APART = ("expect",)
"""It begins with the name of a table: see `base_names`."""


def tell_illegible(body: Read, findings: Findings) -> None:
    """Report every expression, condition and message that does not parse."""
    language = Language(findings)
    for name, node in body.values.items():
        declared = body.record.field(name)
        if declared is not None and name not in _APART:
            for scalar, form in _texts(node, declared.form):
                language.legible(scalar, form.what)


def _texts(node: Node, form: Form) -> Iterator[tuple[Scalar, forms.Expression]]:
    match form, node:
        case forms.Expression(), Scalar():
            if node.value is not None:
                yield node, form
        case forms.MapOf(), Mapping():
            for _, value in node.entries:
                yield from _texts(value, form.value)
        case forms.ListOf(), Sequence():
            for item in node.items:
                yield from _texts(item, form.item)
        case forms.Either(), _:
            for each in form.forms:
                yield from _texts(node, each)
        case _:
            pass
