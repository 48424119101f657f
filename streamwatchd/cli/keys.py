"""`--key NAME=VALUE`: the key of a rule, its values of the types that the rule's fields have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streamwatchd.batch import Value
from streamwatchd.cli.pairs import pairs
from streamwatchd.errors import UnreadableInput
from streamwatchd.lang.typed import Kind
from streamwatchd.rules.ruleset import Rule

_TRUTHS = {"true": True, "false": False}


def key_of(rule: Rule, texts: Iterable[str]) -> Mapping[str, Value]:
    """Name → value; raises UnreadableInput unless these are the keys of the rule."""
    found = pairs("--key", texts, "host=a1")
    kinds = {key.name: key.expr.type.kind for key in rule.by}
    if set(found) != set(kinds):
        wanted = " ".join(f"--key {name}=…" for name in kinds) or "no --key: it has no `by`"
        raise UnreadableInput(f"`{rule.name}` takes {wanted}")
    return {name: _value(name, text, kinds[name]) for name, text in found.items()}


def _value(name: str, text: str, kind: Kind) -> Value:
    try:
        return float(text) if kind is Kind.NUMBER else _TRUTHS[text] if kind is Kind.BOOL else text
    except (ValueError, KeyError):
        way = "a number, such as 443" if kind is Kind.NUMBER else "true or false"
        raise UnreadableInput(f"--key {name}={text}: `{name}` is {way}") from None
