"""What an alert says when its rule has no `message:`: the rule, its key and its named values.

`disk_filling: host=accounts-2 mount=/var, used 95.1%`
"""

from __future__ import annotations

from streamwatchd.lang.typed import Expr, Key, Placeholder, Template, Value
from streamwatchd.rules.ruleset import Alarm


def message_of(rule: Alarm) -> Template:
    """The rule's own message, or the plain one."""
    if rule.message is not None:
        return rule.message
    parts: list[str | Placeholder] = [rule.name]
    for number, key in enumerate(rule.by):
        parts += [f"{' ' if number else ': '}{key.name}=", _slot(Key(key.name, key.expr.type), key.name)]
    for value in rule.values:
        parts += [f", {value.name} ", _slot(Value(value.name, value.expr.type), value.name)]
    return Template(tuple(parts))


def _slot(expr: Expr, text: str) -> Placeholder:
    return Placeholder(expr, "", text)
