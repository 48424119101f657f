"""`reload: {rule: {field: …}}`: a project loaded again with other fields of some rules."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import replace

from streamwatchd.diagnostics import Diagnostic, Span
from streamwatchd.errors import UnreadableInput
from streamwatchd.rules.document import Mapping, Node, Scalar, Sequence, is_empty
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.reader import parse
from streamwatchd.rules.silence_reader import is_spoken
from streamwatchd.rules.written import name_of
from streamwatchd.testing.timeline import Act, Case, Verb


class Edits:
    """What a timeline has changed so far: other fields of rules, and what was said of them at run time."""

    def __init__(self) -> None:
        self.patch: dict[str, MappingOf[str, Node]] = {}
        self.said: dict[str, list[MappingOf[str, object]]] = {}

    def take(self, act: Act) -> bool:
        """Whether anything is loaded again because of it."""
        match act.verb:
            case Verb.RELOAD:
                for rule, fields in act.patch.items():
                    self.patch[rule] = {**self.patch.get(rule, {}), **fields}
            case Verb.SILENCE | Verb.ACK:
                self.said.setdefault(f"{act.verb}s", []).append(act.said)
            case _:
                return False
        return True

    @property
    def names(self) -> frozenset[str]:
        """Of the silences and acknowledgements."""
        return frozenset(str(each[verb]) for verb in Verb for each in self.said.get(f"{verb}s", ()))

    def __bool__(self) -> bool:
        return bool(self.patch or self.said)


def patched(loaded: Loaded, edits: Edits, place: Span | None = None) -> Loaded:
    """Raises UnreadableInput where any of it does not check, with what is wrong and `place`, where the test says it."""
    again, problems = _edited(loaded, edits)
    if problems:
        where = f"{place}: " if place is not None else ""
        raise UnreadableInput(where + "; ".join(problems))
    return again


def edit_problems(case: Case, loaded: Loaded) -> Iterator[tuple[Span | None, str]]:
    """What does not check after each change of the rules in a timeline, with the row that makes it."""
    edits, told = Edits(), set[str]()
    for act in case.acts:
        if edits.take(act) and edits:
            fresh = [each for each in _edited(loaded, edits)[1] if each not in told]
            told.update(fresh)
            yield from ((act.place, each) for each in fresh)


def _edited(loaded: Loaded, edits: Edits) -> tuple[Loaded, list[str]]:
    by_file: dict[str, dict[str, MappingOf[str, Node]]] = defaultdict(dict)
    for rule, fields in edits.patch.items():
        by_file[loaded.ruleset.rule(rule).span.file][rule] = fields
    replaced = {file: _content(file, loaded.files[file], rules) for file, rules in by_file.items()}
    spoken = json.dumps(edits.said).encode() + b"\n" if edits.said else b""
    again = load(loaded.config, rules_dir=loaded.rules_dir, replaced=replaced, spoken=spoken)
    what = "a silence or an acknowledgement of a test does not check"
    # Where files are refused, what is said may be of an alarm of theirs.
    problems = [f"{what}: {each.message}" for each in again.diagnostics if is_spoken(each) and not loaded.refused]
    problems += [f"the reload of a test does not check: {_said(each)}" for each in _new_errors(again, loaded)]
    return again, problems


def _new_errors(again: Loaded, before: Loaded) -> Iterator[Diagnostic]:
    """Files that are refused as they stand are no matter of the test."""
    for each in again.diagnostics:
        is_old = each in before.diagnostics or (each.span is not None and each.span.file in before.refused)
        if each.is_error and not is_old:
            yield each


def _said(problem: Diagnostic) -> str:
    """Without lines of rules files, which are those of a text that nobody sees."""
    whose = f"rule {problem.rule}" if problem.rule or problem.span is None else problem.span.file
    hint = f"; {problem.hint}" if problem.hint else ""
    return re.sub(r",? at [^\s:]+:\d+:\d+", "", f"{whose}: {problem.message}{hint}")


def _content(file: str, content: bytes, rules: MappingOf[str, MappingOf[str, Node]]) -> bytes:
    """The file with other fields of its rules; what was written plain is so again: it may be a number."""
    top = parse(file, content).top
    assert top is not None
    entries = tuple((key, _rules(node, rules) if key.text == "rules" else node) for key, node in top.entries)
    return _block(replace(top, entries=entries), 0).lstrip("\n").encode()


def _rules(node: Node, rules: MappingOf[str, MappingOf[str, Node]]) -> Node:
    items = node.items if isinstance(node, Sequence) else ()
    return Sequence(tuple(_rule(item, rules) for item in items), node.span, len(items))


def _rule(node: Node, rules: MappingOf[str, MappingOf[str, Node]]) -> Node:
    name = name_of(node) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or name is None or name.text not in rules:
        return node
    known = {key.text: (key, value) for key, value in node.entries}
    new = {field: (replace(name, text=field, style=""), value) for field, value in rules[name.text].items()}
    entries = (known | new).values()
    return replace(node, entries=tuple(each for each in entries if each[0].text not in new or not is_empty(each[1])))


def _block(node: Node, depth: int) -> str:
    """What stands behind `key:` or `-`, in the block style of YAML, with its line end."""
    pad = "  " * depth
    match node:
        case Scalar():
            return f" {_scalar(node)}\n"
        case Sequence(items=items):
            return "\n" + "".join(f"{pad}-{_block(item, depth + 1)}" for item in items) if items else " []\n"
        case Mapping(entries=entries):
            lines = (f"{pad}{_scalar(key)}:{_block(value, depth + 1)}" for key, value in entries)
            return "\n" + "".join(lines) if entries else " {}\n"


def _scalar(scalar: Scalar) -> str:
    is_plain = not scalar.style and "\n" not in scalar.text
    return scalar.text if is_plain else json.dumps(scalar.text, ensure_ascii=False)
