"""Forms of fields as JSON Schema."""

from __future__ import annotations

import jsonschema
import pytest

from streamwatchd import fields as forms
from streamwatchd.fields import Field, Record, schema

RECORD = Record(
    "a thing", (Field("n", forms.Integer(1, 3), "n", required=True), Field("later", forms.Truth(), "", later=True))
)


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (forms.Text(pattern="a+"), "aa", "b"),
        (forms.Name(), "a_1", "a.b"),
        (forms.Name(dotted=True), "a.b", "a-b"),
        (forms.Duration(), "1h30m", "5"),
        (forms.Integer(1, 3), 2, 4),
        (forms.Share(), "10%", "ten"),
        (forms.Truth(), True, "yes"),
        (forms.Choice(("a", "b")), "a", "c"),
        (forms.Anything(), None, []),
        (forms.ListOf(forms.Truth()), [True], []),
        (forms.ListOf(forms.Truth(), or_one=True), True, [1]),
        (forms.MapOf(forms.Truth(), forms.Name()), {"a": True}, {"a b": True}),
        (forms.Either((forms.Truth(), forms.ListOf(forms.Truth()))), [True], 5),
        (RECORD, {"n": 1}, {"n": 1, "x": 2}),
        (RECORD, {"n": 3}, {}),
        (RECORD, {"n": 3}, {"n": 3, "later": True}),
        (forms.Records({"n": RECORD}), {"n": 2}, {"m": 2}),
    ],
)
def test_a_schema_takes_what_the_form_takes(form: forms.Form, good: object, bad: object) -> None:
    """Fields that are not built yet are not in it."""
    validator = jsonschema.Draft202012Validator(schema(form))
    validator.check_schema(schema(form))
    assert validator.is_valid(good)
    assert not validator.is_valid(bad)
