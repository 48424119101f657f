"""Every code of a problem in an expression. Codes are stable: never renumbered, never reused."""

from __future__ import annotations

from collections.abc import Mapping

SYNTAX: Mapping[str, str] = {
    "SW101": "a word or sign that can't stand where it does, or something missing at the end",
    "SW102": "an empty expression",
    "SW103": "a bracket without its partner",
    "SW104": "a quote that is never closed",
    "SW105": "an expression that is too long or nested too deeply",
    "SW106": "an operator of another language, such as `&&` or `!`",
    "SW107": "chained comparisons, `1 < x < 5`",
    "SW108": "a number with an unknown unit, or too large",
    "SW109": "not a duration after `over`, `ago` or `for`",
    "SW110": "a clause that stands twice in an aggregate",
    "SW111": "braces of a message that don't match or are empty",
    "SW112": "a format that does not fit its value",
}

MEANING: Mapping[str, str] = {
    "SW201": "a name that nothing has",
    "SW202": "an undeclared field one letter from a known name",
    "SW203": "an undeclared field of a source that declares others (warning)",
    "SW204": "a field of single events where windows are judged",
    "SW205": "a name that several things have",
    "SW206": "an undeclared field used as two types",
    "SW207": "an operand or argument of the wrong type",
    "SW208": "an expression of the wrong type for its place",
    "SW209": "units that measure different things",
    "SW210": "a unit beside a value that has none",
    "SW211": "`null` as a value",
    "SW212": "a regular expression that does not compile",
    "SW213": "a regular expression that can take exponential time",
    "SW214": "a choice of `in (…)` that is no constant or has another type",
    "SW215": "an unknown function",
    "SW216": "too many or too few arguments",
    "SW217": "clauses of an aggregate on a function of one value",
    "SW218": "an aggregate where there is only one event",
    "SW219": "an aggregate without `over` in an alarm",
    "SW220": "a key of `by` that the rule does not have",
    "SW221": "a function that this version does not support yet",
    "SW222": "a division by zero",
    "SW223": "a condition that is always true or always false (warning)",
    "SW224": "a ratio compared with a number above 1 (warning)",
    "SW225": "`count(C)` where `count(where C)` is meant",
    "SW226": "an undeclared field whose uses don't tell its type (warning)",
    "SW227": "a text with a dash or slash that lacks its quotes",
    "SW228": "`rate` or `increase` of what is not declared as a counter",
}

CODES: Mapping[str, str] = {**SYNTAX, **MEANING}
