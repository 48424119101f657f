"""The rules files of a project together: each with the words that it takes over from `shared.yaml` and other files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from streamwatchd.diagnostics import Diagnostic, Span
from streamwatchd.rules import codes
from streamwatchd.rules.document import Mapping as MappingNode
from streamwatchd.rules.document import Scalar
from streamwatchd.rules.drafts import FileDraft, completed
from streamwatchd.rules.inheritance import Named, names_of
from streamwatchd.rules.written import Written, name_of

_MEND = "mend that file; this one is fine so far"
_Reach = tuple[tuple[str, Written], ...]


@dataclass(frozen=True, slots=True)
class Sharing:
    """All that rules files may take over.

    `shared` is the path of `shared.yaml`, there or not. `holders` are the files that have a name so far, `out` the
    names of files that are left out, with their files. Where `shared_is_missed`, which is so at a first start alone, no
    rule may run without its words.
    """

    files: Mapping[str, Written]
    shared: str
    holders: Mapping[str, str]
    out: Mapping[str, str]
    shared_is_missed: bool = False

    def drafts(self) -> dict[str, FileDraft]:
        """Every file, in order."""
        named = self._named()
        return {path: self._draft(path, file, named) for path, file in self.files.items()}

    def _named(self) -> dict[str, Named]:
        """Names of rules and bases are global: the holder keeps a name, else the first in order of path and place."""
        paths = sorted(self.files)
        found = [(name, path, base) for path in paths for name, base in names_of(self.files[path]).items()]
        found.sort(key=lambda entry: self.holders.get(entry[0]) != entry[1])
        named: dict[str, Named] = {}
        for name, _, base in found:
            named.setdefault(name, base)
        return named

    def _draft(self, path: str, file: Written, named: Mapping[str, Named]) -> FileDraft:
        if self.shared_is_missed:
            waits = (self._without_shared(),)
            return FileDraft(file.document, (), file.problems, file.names, blocked=waits, has_form=not file.failed)
        shared = self.files.get(self.shared) if path != self.shared else None
        reach, lacks = _reach(file, named)
        if lacks:
            found = completed(file, shared, named, self.out)
        else:
            found = _completed(file, shared, tuple((name, base.file) for name, base in sorted(reach.items())))
        taken = tuple(self._taken_names(found, file, named))
        blocked = tuple(self._blocked(path, file, lacks))
        return replace(found, problems=(*found.problems, *taken), blocked=blocked)

    def _taken_names(self, draft: FileDraft, file: Written, named: Mapping[str, Named]) -> Iterator[Diagnostic]:
        """Bases, and rules that have the name of one; two rules of one name are told where rules are checked."""
        own = names_of(file)
        if len(own) == len(file.names) and all(named[name] is base for name, base in own.items()):
            return
        for is_base, items in ((False, file.rules), (True, file.bases)):
            for item in items:
                name = name_of(item)
                other = named.get(name.text) if name is not None else None
                if name is None or other is None or other.node is item or not (is_base or other.is_base):
                    continue
                place = name_of(other.node) or name
                hint = "choose another name; names of rules and bases are global"
                message = f"the name `{name.text}` is taken: at {place.span}"
                yield draft.document.report(codes.NAME_TAKEN, message, name.span, hint=hint, rule=name.text)

    def _without_shared(self) -> Diagnostic:
        """One for all of them."""
        first, *more = self.files
        also = f", and {len(more)} more" if more else ""
        message = f"rules wait for what holds for all of them: {first}{also}"
        return Diagnostic(codes.SHARED_REFUSED, message, Span(self.shared, 1, 1, 1, 1), hint="mend this file")

    def _blocked(self, path: str, file: Written, lacks: Mapping[str, Scalar]) -> Iterator[Diagnostic]:
        """What it extends stands in a file that is refused."""
        for name, scalar in lacks.items():
            if name in self.out and self.out[name] != path:
                message = f"`{name}` is refused: {self.out[name]}"
                yield file.document.report(codes.READ_ELSEWHERE, message, scalar.span, hint=_MEND)


@lru_cache(maxsize=4_096)
def _completed(file: Written, shared: Written | None, reach: _Reach) -> FileDraft:
    """At a reload most files are as they were, and so is what they take over."""
    return completed(file, shared, {name: names_of(other)[name] for name, other in reach})


def _reach(file: Written, named: Mapping[str, Named]) -> tuple[dict[str, Named], dict[str, Scalar]]:
    """All that the items of a file extend, over several steps; and what they name that is nowhere, with the place."""
    reach: dict[str, Named] = {}
    lacks: dict[str, Scalar] = {}
    pending: list[MappingNode] = [*file.rules, *file.bases]
    while pending:
        wanted = pending.pop().get("extends")
        if not isinstance(wanted, Scalar) or wanted.value is None or wanted.text in reach:
            continue
        base = named.get(wanted.text)
        if base is None:
            lacks.setdefault(wanted.text, wanted)
        else:
            reach[wanted.text] = base
            pending.append(base.node)
    return reach, lacks
