"""One mapping over another: what is said nearer to a rule comes first, and `null` takes back what is taken over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from streamwatchd.rules.document import Mapping, Node, Scalar, is_null

ENTRYWISE = ("values", "levels", "labels", "params")
"""Mappings of which single entries are added, changed or taken back; any other field is replaced as a whole."""

_INSTEAD = {"levels": ("when", "severity"), "when": ("levels",), "session": ("over", "every")}
"""A field, and those that it takes the place of where they would be taken over."""


def over(base: Mapping, own: Mapping, leave: str = "") -> Mapping:
    """What `base` says and `own` does not, then what `own` says; `leave` of the base is not taken. `null` stays."""
    mine = {key.text: node for key, node in own.entries}
    replaced = {name for said, node in mine.items() if not is_null(node) for name in _INSTEAD.get(said, ())}
    taken = [(key, node) for key, node in base.entries if key.text != leave and key.text not in replaced]
    entries = [_joined(key, node, own) for key, node in taken]
    there = {key.text for key, _ in entries}
    entries += [(key, node) for key, node in own.entries if key.text not in there]
    return replace(own, entries=tuple(entries))


def _joined(key: Scalar, base: Node, own: Mapping) -> tuple[Scalar, Node]:
    mine = own.get(key.text)
    if mine is None:
        return key, base
    key = own.key(key.text) or key
    if not isinstance(base, Mapping) or not isinstance(mine, Mapping):
        return key, mine
    if key.text == "defaults":
        return key, over(base, mine)
    if key.text not in ENTRYWISE:
        return key, mine
    said = {name.text: (name, node) for name, node in mine.entries}
    entries = [said.pop(name.text, (name, node)) for name, node in base.entries]
    return key, replace(mine, entries=(*entries, *said.values()))


def less(words: Mapping, rule: Mapping, file: str) -> Mapping:
    """The words of files without those that a rule takes back, and without those of other files than `file` that it
    says itself: what they are there is nothing to it."""
    entries: list[tuple[Scalar, Node]] = []
    for key, node in words.entries:
        said = rule.get(key.text)
        if isinstance(node, Mapping) and isinstance(said, Mapping) and key.text in ENTRYWISE:
            left = [each for each in node.entries if not _is_idle(each[0], said.get(each[0].text), file)]
            entries += [(key, _with(node, left))] if left else []
        elif not _is_idle(key, said, file):
            entries.append((key, node))
    return _with(words, entries)


def _with(whole: Mapping, entries: list[tuple[Scalar, Node]]) -> Mapping:
    """The same mapping where nothing has changed, as in most rules: what is kept of thousands of them is kept once."""
    same = len(entries) == len(whole.entries) and all(
        mine[1] is theirs[1] for mine, theirs in zip(entries, whole.entries, strict=True)
    )
    return whole if same else replace(whole, entries=tuple(entries))


def _is_idle(key: Scalar, said: Node | None, file: str) -> bool:
    return is_null(said) or (said is not None and key.span.file != file)


def without_nulls(rule: Mapping, known: tuple[str, ...]) -> Mapping:
    """Without the fields, and the entries, that are taken back; what is no field stays, to be told."""
    entries = []
    for key, node in rule.entries:
        if key.text in known and is_null(node):
            continue
        if key.text in ENTRYWISE and isinstance(node, Mapping):
            left = [entry for entry in node.entries if not is_null(entry[1])]
            if node.entries and not left:
                continue
            node = _with(node, left)
        entries.append((key, node))
    return _with(rule, entries)


def nulls(rule: Mapping) -> Iterator[tuple[str, ...]]:
    """The fields and entries that a rule takes back, as paths."""
    for key, node in rule.entries:
        if is_null(node):
            yield (key.text,)
        elif key.text in ENTRYWISE and isinstance(node, Mapping):
            yield from ((key.text, name.text) for name, entry in node.entries if is_null(entry))


def at(rule: Mapping, path: tuple[str, ...]) -> Node | None:
    """What stands at a path."""
    node: Node | None = rule
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node
