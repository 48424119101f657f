"""What a rule need not say again: words of its file and of `shared.yaml`, and the rule or base that it extends.

Done on what was written, before anything is checked: a rule reads as if it stood there in full, and a mistake in what
it takes over is shown where it stands. The nearest word comes first: the rule's own, those of what it extends, those at
the top of its file, those at the top of the files of what it extends, those of `shared.yaml`. But `source`, `every` and
`timezone` come along with what is extended: those of its file come before those of the rule's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from functools import lru_cache

from streamwatchd.diagnostics import did_you_mean
from streamwatchd.rules import codes, rule_spec
from streamwatchd.rules.document import Mapping, Node, Scalar, Sequence, is_null
from streamwatchd.rules.form import Findings
from streamwatchd.rules.merging import at, less, nulls, over, without_nulls
from streamwatchd.rules.written import SHARED_NAME, Written, head_of, name_of

_COME_ALONG = ("source", "every", "timezone")
"""Words of a file that say what its rules read, and when."""


@dataclass(frozen=True, slots=True)
class Named:
    """A rule or a base that can be extended."""

    file: Written
    node: Mapping
    is_base: bool


@dataclass(frozen=True, slots=True)
class Whole:
    """A rule with all that it takes over: its `body`, and the `words` of files that hold for it."""

    body: Mapping
    words: Mapping


@dataclass(frozen=True, slots=True)
class Inheritance:
    """The rules of one file; `named` are the rules and bases of all files, as far as these are extended.

    `refused` are the names that stand in files which are left out, with these files.
    """

    file: Written
    shared: Written | None
    named: MappingOf[str, Named]
    findings: Findings
    refused: MappingOf[str, str]

    def full(self, rule: Mapping) -> Whole | None:
        """The rule with all that it takes over; None where it extends what can't be: the rest would be echoes."""
        chain = self.chain(rule)
        if chain is None:
            return None
        head = head_of(rule)
        text = _own_words(chain[-1])
        for each in reversed(chain[:-1]):
            text = over(text, _own_words(each), head)
        words = _words(tuple(dict.fromkeys(each.file for each in chain)), self.shared)
        body = self._with_defaults(text, words, head)
        self._tell_idle_nulls(rule, chain, words)
        record = rule_spec.RULE.records.get(head)
        body = without_nulls(body, tuple(field.name for field in record.fields if field.clearable) if record else ())
        left = less(words, text, self.file.file)
        whole = Whole(body, without_nulls(left, tuple(key.text for key, _ in left.entries)))
        return whole if self._has_needs(rule, chain, whole) else None

    def chain(self, rule: Mapping) -> tuple[Named, ...] | None:
        """The rule, what it extends, what that extends; None, with a finding if this file has the mistake."""
        chain = [Named(self.file, rule, False)]
        way = [name.text] if (name := name_of(rule)) is not None else []
        while isinstance(wanted := chain[-1].node.get("extends"), Scalar) and wanted.value is not None:
            base = self.named.get(wanted.text)
            way.append(wanted.text)
            problem, hint = self._problem(chain[-1], base, way)
            if problem or base is None:
                own = rule.get("extends")
                is_mine = len(chain) == 1 or way[0] == wanted.text
                if is_mine and own is not None and wanted.text not in self.refused:
                    self.findings.add(codes.BAD_EXTENDS, problem, own.span, hint=hint)
                return None
            chain.append(base)
        return tuple(chain)

    def _problem(self, rule: Named, base: Named | None, way: list[str]) -> tuple[str, str]:
        wanted = way[-1]
        if base is None:
            hint = did_you_mean(wanted, self.named) or "name a rule or a base of the same kind"
            last = re.split("[./:]", wanted)[-1]
            if last != wanted:
                hint = f"write `{last}`: " if last in self.named else ""
                hint += "names are global, whatever the file"
            return f"there is no rule or base `{wanted}`", hint
        if wanted in way[:-1]:
            circle = " → ".join(f"`{name}`" for name in way[way.index(wanted) :])
            hint = "let one of them stand by itself, without `extends:`"
            return f"`{wanted}` extends itself: {circle}", hint
        kind, other = head_of(rule.node), head_of(base.node)
        if kind != other:
            what = f"{'a base of ' if base.is_base else ''}{rule_spec.RULE.records[other].what}" if other else "no rule"
            hint = f"name {rule_spec.RULE.records[kind].what}" if kind in rule_spec.RULE.records else ""
            return f"`{wanted}` is of another kind: {what} at {base.node.span}", hint or "begin the rule with its kind"
        return "", ""

    def _with_defaults(self, text: Mapping, words: Mapping, head: str) -> Mapping:
        record, defaults = rule_spec.RULE.records.get(head), words.get("defaults")
        if record is None or not isinstance(defaults, Mapping):
            return text
        mine = tuple(entry for entry in defaults.entries if record.field(entry[0].text) is not None)
        return over(less(replace(defaults, entries=mine), _said(text), self.file.file), text, head)

    def _tell_idle_nulls(self, rule: Mapping, chain: tuple[Named, ...], words: Mapping) -> None:
        """A `null` where nothing is taken over is most likely a slip."""
        defaults = words.get("defaults")
        below = [each.node for each in chain[1:]] + [words, *([defaults] if isinstance(defaults, Mapping) else [])]
        record = rule_spec.RULE.records.get(head_of(rule))
        for path in nulls(rule):
            node = at(rule, path)
            known = record is not None and (field := record.field(path[0])) is not None and field.clearable
            if known and node is not None and all(at(each, path) is None for each in below):
                name = ".".join(path)
                hint = f"leave it out; `null` is for what the file, {SHARED_NAME} or an extended rule says"
                self.findings.warn(
                    codes.NOTHING_TAKEN_BACK,
                    f"nobody says `{name}`, so that `null` takes nothing back",
                    node.span,
                    hint=hint,
                )

    def _has_needs(self, rule: Mapping, chain: tuple[Named, ...], whole: Whole) -> bool:
        """Whether all parameters are given that bases ask for."""
        own = rule.get("params")
        if own is not None and not isinstance(own, Mapping) and not is_null(own):
            return True  # that it is none is told where its form is read
        fine = True
        given = {key.text for params in _params(whole) for key, _ in params.entries}
        wanted = rule.get("extends")
        for each in chain[1:]:
            for need in _needs(each.node):
                if need.text not in given and wanted is not None:
                    base = name_of(each.node)
                    message = f"`{base.text if base else ''}` needs the parameter `{need.text}`: {need.span}"
                    close = did_you_mean(need.text, given)
                    hint = f"give it one, here or at the top of the file: `params: {{{need.text}: …}}`"
                    self.findings.add(codes.PARAMETER_NEEDED, message, wanted.span, hint=close or hint)
                    fine = False
        return fine


@lru_cache(maxsize=4_096)
def names_of(file: Written) -> MappingOf[str, Named]:
    """What can be extended in a file, the first of each name."""
    found: dict[str, Named] = {}
    for is_base, items in ((False, file.rules), (True, file.bases)):
        for item in items:
            if (name := name_of(item)) is not None:
                found.setdefault(name.text, Named(file, item, is_base))
    return found


@lru_cache(maxsize=4_096)
def _words(files: tuple[Written, ...], shared: Written | None) -> Mapping:
    """What files say for a rule, once for all rules of a file: `files` are its own, then those of what it extends,
    nearest first."""
    last = [shared] if shared is not None else []
    own, *others = files
    words = _layered([own, *others, *last])
    source = _layered([*others, own, *last])
    taken = [(key, node) for key, node in words.entries if key.text not in _COME_ALONG]
    taken += [(key, node) for key, node in source.entries if key.text in _COME_ALONG]
    return replace(own.words, entries=tuple(taken))


def _own_words(rule: Named) -> Mapping:
    """Without those that are for inheritance alone."""
    own = ("extends", "needs") if rule.is_base else ("extends",)
    kept = (entry for entry in rule.node.entries if entry[0].text not in own or not _is_name(entry))
    return replace(rule.node, entries=tuple(kept))


def _is_name(entry: tuple[Scalar, Node]) -> bool:
    """Whether `extends` has a form; what has none is told with the other fields."""
    return entry[0].text != "extends" or isinstance(entry[1], Scalar)


def _said(text: Mapping) -> Mapping:
    """What is not only taken back."""
    return replace(text, entries=tuple(entry for entry in text.entries if not is_null(entry[1])))


def _layered(files: Iterable[Written]) -> Mapping:
    """The words of files, the first one's first."""
    first, *rest = files
    words = first.words
    for each in rest:
        words = over(each.words, words)
    return words


def _params(whole: Whole) -> Iterable[Mapping]:
    for each in (whole.body, whole.words):
        params = each.get("params")
        if isinstance(params, Mapping):
            yield params


def _needs(base: Mapping) -> Iterable[Scalar]:
    match base.get("needs"):
        case Scalar() as one:
            yield one
        case Sequence(items=items):
            yield from (item for item in items if isinstance(item, Scalar))
        case _:
            pass
