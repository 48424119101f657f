"""Random projects say what kinds and units their fields have: what the loader would refuse is drawn in another way.

Everything else of a project stays as it was drawn, so that a seed means the world that it meant before.
"""

from __future__ import annotations

import re

_TELLS = (
    r"\b{0} *[-+*/%<>=!]|[-+*/] *{0}\b|\b(?:abs|coalesce|sum|avg|stddev|var|p[\d.]+|slope|predict|increase|rate)\({0}\b"
)
_AGGREGATE = r"[a-z]+[\d.]*\([^()]*\)"
_PAIR = re.compile(rf"({_AGGREGATE}) (-|\+ 2 \*) ({_AGGREGATE})")
_EITHER = re.compile(rf"coalesce\(({_AGGREGATE}), ({_AGGREGATE}), 1\)")
_COLUMN = re.compile(r'^ +(r\d+v\d+): "(.*)"$', re.MULTILINE)

Unit = tuple[str, int, int]
"""What it is of, its power, and how often it is by the second."""
PLAIN: Unit = ("", 0, 0)


def with_kinds(files: dict[str, str]) -> dict[str, str]:
    """No KPI gives the first of a field of which no rule tells the kind."""
    for source in ("alpha", "beta"):
        theirs = {name: text for name, text in files.items() if re.search(rf"source: {source}\n", text)}
        for field in ("y", "n"):
            if not any(re.search(_TELLS.format(field), text) for text in theirs.values()):
                pattern = re.compile(rf"\b(first|last|min|max)\({field}\b")
                files = files | {name: pattern.sub(r"\1(x", files[name]) for name in theirs if "kpi: " in files[name]}
    return files


def with_units(files: dict[str, str]) -> dict[str, str]:
    """No sum of values whose units differ: it is their quotient."""
    units: dict[str, Unit] = {}

    def quotient(found: re.Match[str]) -> str:
        one, _, two = found.groups()
        return f"{one} / {two}" if _clash(_unit(one, units), _unit(two, units)) else found[0]

    def first(found: re.Match[str]) -> str:
        one, two = found.groups()
        return f"coalesce({one}, 1)" if _clash(_unit(one, units), _unit(two, units)) else found[0]

    made = {}
    for name, text in files.items():
        made[name] = _EITHER.sub(first, _PAIR.sub(quotient, text))
        units |= {column: _unit_of_all(expr, units) for column, expr in _COLUMN.findall(made[name])}
    return made


def _clash(one: Unit, two: Unit) -> bool:
    return PLAIN not in (one, two) and one != two


def _unit(aggregate: str, units: dict[str, Unit]) -> Unit:
    function, _, arg = aggregate.partition("(")
    if function in ("count", "distinct", "changes"):
        return PLAIN
    if function == "ratio":
        return "ratio", 1, 0
    read = re.match(r"r\d+v\d+", arg)
    of, power, by = units.get(read[0], PLAIN) if read else PLAIN
    if function in ("slope", "rate"):
        return of, power, by + 1
    return (of, 2 * power, 2 * by) if function == "var" else (of, power, by)


def _unit_of_all(expr: str, units: dict[str, Unit]) -> Unit:
    """Of a quotient nothing is known that could stand beside another one."""
    found = [_unit(each, units) for each in re.findall(_AGGREGATE, expr)]
    if " / " in expr and found and found[-1] != PLAIN:
        return expr, 1, 0
    return next((unit for unit in found if unit != PLAIN), PLAIN)
