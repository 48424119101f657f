"""From a written name to what it means in a scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from streamwatchd.diagnostics import Severity, did_you_mean
from streamwatchd.lang import syntax
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.scope import Ambiguous, Meaning, Scope, Undeclared, Where
from streamwatchd.lang.typed import TableColumn, Type


@dataclass(frozen=True, slots=True)
class Free:
    """An undeclared field: `field` and `stream` as in `typed.Field`; `type` if earlier uses gave one."""

    field: str
    stream: str
    type: Type | None


def resolve(name: str, scope: Scope) -> Meaning | Free | None:
    """What a name means; None when it means nothing here."""
    if name in scope.names:
        return scope.names[name]
    if scope.undeclared is Undeclared.CLOSED:
        return None
    head, dot, rest = name.partition(".")
    if dot and head in scope.tables:
        return None
    if not scope.streams:
        return Free(name, "", scope.inferred.get(name))
    if dot and head in scope.streams:
        return None if scope.streams[head] is Undeclared.CLOSED else Free(rest, head, scope.inferred.get(name))
    open_ones = sorted(stream for stream, policy in scope.streams.items() if policy is not Undeclared.CLOSED)
    if len(open_ones) > 1:
        return Ambiguous(tuple(f"{stream}.{name}" for stream in open_ones))
    (stream,) = open_ones
    return Free(name, stream, scope.inferred.get(f"{stream}.{name}"))


def is_bare_word(node: syntax.Node, scope: Scope) -> bool:
    """Whether a name on the right of a comparison is a string: nothing declared has it."""
    if not isinstance(node, syntax.Name) or node.quoted or node.name in scope.names:
        return False
    head = node.name.partition(".")[0]
    if head in scope.tables or head in scope.streams:
        return False
    return scope.row is None or is_bare_word(node, scope.row)


def free_key(free: Free) -> str:
    """The name under which an undeclared field is inferred."""
    return f"{free.stream}.{free.field}" if free.stream else free.field


def unknown(node: syntax.Name, scope: Scope) -> Problem:
    """The problem of a name that means nothing here."""
    name, place = node.name, (node.start, node.end)
    head, dot, column = name.partition(".")
    if dot and head in scope.tables:
        hint = did_you_mean(column, scope.tables[head]) or f"its columns: {listed(scope.tables[head])}"
        return Problem("SW201", f"table `{head}` has no column `{column}`", *place, "unknown column", hint)
    known = [each for each in scope.names if each != "time"]
    similar = did_you_mean(name, known)
    if scope.row is None:
        message = f"`{name}` is not a field of `{scope.source}`" if scope.source else f"nothing is named `{name}`"
        return Problem("SW201", message, *place, "unknown name", similar or _known(known))
    on_row = resolve(name, scope.row)
    if on_row is None or isinstance(on_row, Ambiguous):
        message = f"`{name}` is not a key, a value or a table column of the key"
        return Problem("SW201", message, *place, "unknown name", similar or _known(known))
    way_out = f"`last({name}{'' if scope.where is Where.KPI else ' over 5m'})`"
    if isinstance(on_row, Free) and similar:
        message = f"`{name}` is not a key, a value or a table column of the key"
        hint = f"{similar} For a field of the event, aggregate it: {way_out}"
        return Problem("SW201", message, *place, "unknown name", hint)
    near = _near(on_row, scope.row) if isinstance(on_row, Free) else []
    if near:
        hint = f"did you mean {way_out.replace(name, near[0])}?"
        message = f"`{name}` is not declared but looks like `{near[0]}`"
        return Problem("SW202", message, *place, "unknown field", hint)
    what = "a field of single events"
    if isinstance(on_row, TableColumn):
        what = f"a column of `{on_row.table}`, joined to single events"
    message = f"`{name}` is {what}, but this is judged on windows"
    hint = f"aggregate it, for example {way_out}, or add it to `by:`"
    return Problem("SW204", message, *place, "needs an aggregate", hint)


def _known(names: list[str]) -> str:
    return f"known here: {listed(names)}" if names else ""


def undeclared(node: syntax.Name, free: Free, scope: Scope) -> Problem | None:
    """What to say about a field that no `fields:` declares; None where the source declares nothing."""
    near = _near(free, scope)
    place = (node.start, node.end)
    declare = f"declare it: `fields: {{{free.field}: {{type: …}}}}`"
    if near:
        hint = f"did you mean `{near[0]}`? If not, {declare}"
        return Problem(
            "SW202", f"`{free.field}` is not declared but looks like `{near[0]}`", *place, "unknown field", hint
        )
    if scope.streams.get(free.stream, scope.undeclared) is Undeclared.OPEN:
        return None
    head, dot, _ = free.field.partition(".")
    if dot and scope.tables:
        hint = f"no table `{head}` is joined here, only {listed(scope.tables)}; for a field, {declare}"
    else:
        hint = " ".join(filter(None, (did_you_mean(free.field, _single_names(scope)), declare)))
    message = f"`{free.field}` is not declared in `fields:` of `{free.stream or scope.source}`"
    return Problem("SW203", message, *place, "taken as a field all the same", hint, Severity.WARNING)


def _single_names(scope: Scope) -> list[str]:
    return [name for name in scope.names if "." not in name and name != "time"]


def _near(free: Free, scope: Scope) -> list[str]:
    """Declared names that are one letter away, columns of tables included."""
    head, dot, column = free.field.partition(".")
    near = [name for name in _single_names(scope) if one_edit(free.field, name)]
    return near + [f"{table}.{column}" for table in scope.tables if dot and one_edit(head, table)]


def ambiguous(node: syntax.Name, meaning: Ambiguous) -> Problem:
    hint = "write " + " or ".join(f"`{choice}`" for choice in meaning.choices)
    return Problem("SW205", f"`{node.name}` is ambiguous", node.start, node.end, "several have this name", hint)


def one_edit(word: str, known: str) -> bool:
    """Whether one letter typed too many, too few, wrong or swapped with its neighbour makes one word the other.

    Words of one or two letters, and words that differ in a digit (`disk1`, `disk2`), are different on purpose.
    """
    if word == known or min(len(word), len(known)) < 3 or abs(len(word) - len(known)) > 1:
        return False
    same = next((i for i, (a, b) in enumerate(zip(word, known)) if a != b), min(len(word), len(known)))
    a, b = word[same:], known[same:]
    if a[:1].isdigit() or b[:1].isdigit():
        return False
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def listed(words: Iterable[str], most: int = 8) -> str:
    """`a`, `b`, `c` and 5 more."""
    ordered = sorted(words)
    shown = ", ".join(f"`{word}`" for word in ordered[:most])
    return shown + (f" and {len(ordered) - most} more" if len(ordered) > most else "")
