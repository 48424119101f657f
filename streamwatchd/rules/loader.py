"""A project's files → what is in force: a file that does not check is refused alone, its last good content stays.

Three things can happen to a file that fails. If it changed, it is refused: its last good content is put back, or it is
left out when there is none. If it did not change, what it reads did: that change is refused, and both are named. If it
only reads what was refused, it says so in one line for each rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from streamwatchd.diagnostics import Diagnostic, Span
from streamwatchd.enrichment.fetched import Fetch, copies, copies_dir
from streamwatchd.enrichment.reader import SUFFIXES
from streamwatchd.enrichment.table import TableData
from streamwatchd.errors import Unavailable
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.open_files import open_files
from streamwatchd.repository.catalog import Catalog
from streamwatchd.rules import codes
from streamwatchd.rules.calendar_reader import calendar_paths, read_calendars
from streamwatchd.rules.drafts import FileDraft, sources_of
from streamwatchd.rules.files import Files, read_content, rule_paths, table_paths
from streamwatchd.rules.project import Choice, Project, put_together
from streamwatchd.rules.reader import parse
from streamwatchd.rules.ruleset import RuleSet
from streamwatchd.rules.settings_reader import ConfigDraft, read_config
from streamwatchd.rules.sharing import Sharing
from streamwatchd.rules.silence_reader import SPOKEN, Silences, read_silences, silence_paths
from streamwatchd.rules.table_reader import read_tables
from streamwatchd.rules.unless import FIRING, named_in_unless
from streamwatchd.rules.written import SHARED_NAME, written
from streamwatchd.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in force after loading.

    `settings` is None when `streamwatchd.yaml` does not check and has no last good content; then nothing else is there
    but diagnostics. `files` is the content in force by path (the last good one where a change was refused): hand it
    back as `last_good` at the next load. `refused` are the paths whose content on disk is not in force. `fetches` are
    the tables to fetch from elsewhere. `config` and `rules_dir` are where it was loaded from. `bases` are the names of
    what is never run.
    """

    settings: Settings | None
    ruleset: RuleSet
    tables: Mapping[str, TableData]
    diagnostics: tuple[Diagnostic, ...]
    files: Mapping[str, bytes]
    refused: tuple[str, ...]
    fetches: tuple[Fetch, ...] = ()
    config: Path = Path("streamwatchd.yaml")
    rules_dir: Path | None = None
    bases: tuple[str, ...] = ()


def load(
    config: Path,
    *,
    rules_dir: Path | None = None,
    enrichment_dir: Path | None = None,
    calendars_dir: Path | None = None,
    silences_dir: Path | None = None,
    models: str | None = None,
    last_good: Mapping[str, bytes] | None = None,
    copies: Path | None = None,
    replaced: Mapping[str, bytes] | None = None,
    spoken: bytes = b"",
) -> Loaded:
    """Read and check everything. Never raises for what stands in the files.

    `replaced` holds contents by path in place of what is on disk, such as those that an editor has not written yet.
    `models` is another repository than the settings name; "" is none: nothing is said of models then. Paths in `files`,
    `refused` and places are as `config` and the folders are given: relative ones stay relative.

    `copies` is the folder of tables that were fetched, of a daemon that takes no others. Without it they are those in
    the state folder, and a table that was never fetched is empty, if its columns are declared. `spoken` is a file of
    silences that are in no folder: those that were said at run time.
    """
    last_good, replaced = dict(last_good or {}), dict(replaced or {})
    folders = Folders(rules_dir, enrichment_dir, calendars_dir, silences_dir)
    return _Loading(config, folders, models, last_good, copies, replaced, spoken).run()


@dataclass(frozen=True, slots=True)
class Folders:
    """Where things are, if not where the settings say."""

    rules: Path | None
    enrichment: Path | None
    calendars: Path | None
    silences: Path | None


@dataclass(slots=True)
class _Loading:
    """One load: rounds of putting together, until every file that is left checks.

    `out` are the files that are left out, each with the names of the rules that it would have brought.
    """

    config: Path
    folders: Folders
    models: str | None
    last_good: dict[str, bytes]
    copies: Path | None
    replaced: dict[str, bytes]
    spoken: bytes = b""
    files: Files = field(init=False)
    catalog: Catalog | None = None
    diagnostics: dict[str, list[Diagnostic]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _good: Mapping[str, FileDraft] | None = None

    def __post_init__(self) -> None:
        self.files = Files({str(self.config): self._on_disk(str(self.config))}, self.last_good)

    def run(self) -> Loaded:
        draft = self._config()
        self._read(draft)
        self.catalog = self._models(draft)
        project = self._project(draft)
        while not self._settle(project):
            draft = self._config()
            project = self._project(draft)
        return self._loaded(project, draft)

    def _config(self) -> ConfigDraft:
        path = str(self.config)
        content = self.files.content(path)
        if isinstance(content, Diagnostic):
            document = parse(path, b"")
            folders = (self.folders.rules or Path("rules.d"), self.folders.enrichment or Path("enrichment.d"))
            return ConfigDraft(document, None, *folders, {}, (content,))
        document = parse(path, content)
        return read_config(
            self.config,
            document,
            rules_dir=self.folders.rules,
            enrichment_dir=self.folders.enrichment,
            calendars_dir=self.folders.calendars,
            silences_dir=self.folders.silences,
        )

    def _read(self, draft: ConfigDraft) -> None:
        if draft.settings is None and str(self.config) not in self.last_good:
            return
        tables, calendars = table_paths(draft.enrichment_dir, SUFFIXES), calendar_paths(draft.calendars_dir)
        for path in (*rule_paths(draft.rules_dir), *tables, *calendars, *silence_paths(draft.silences_dir)):
            self.files.now[path] = self._on_disk(path)
        if self.spoken:
            self.files.now[str(draft.silences_dir / SPOKEN)] = self.spoken
        if draft.settings is not None:
            folder = self.copies or copies_dir(draft.settings.state_dir)
            for path, copy in copies(folder, draft.enrichment_dir):
                self.files.now[path] = read_content(str(copy))

    def _on_disk(self, path: str) -> bytes | Diagnostic:
        return self.replaced[path] if path in self.replaced else read_content(path)

    def _models(self, draft: ConfigDraft) -> Catalog | None:
        settings = draft.settings
        if settings is None or self.models == "":
            return None
        where = self.models or settings.models
        try:
            files, root = open_files(where, settings.snapshot_store_options)
        except Unavailable as error:
            catalog = Catalog(RealDisk(), Path(where), self.last_good)
            catalog.trouble = str(error)
            return catalog
        base = self.config.parent.absolute()
        shown = str(root.relative_to(base)) if root.is_relative_to(base) else where.removeprefix("file://")
        return Catalog(files, root, self.last_good, shown)

    def _project(self, draft: ConfigDraft) -> Project:
        contents = {path: self.files.content(path) for path in self._rule_paths(draft)}
        unread = {path: content for path, content in contents.items() if isinstance(content, Diagnostic)}
        names = {name: path for path, names in self.out.items() for name in names}
        holders, shared = self._holders(draft), self._shared(draft)
        as_written = {
            path: written(path, content, path == shared)
            for path, content in contents.items()
            if isinstance(content, bytes)
        }
        files = Sharing(as_written, shared, holders, names, shared in self.out and not self.last_good).drafts()
        tables = read_tables(draft.enrichment_dir, self.files, stand_ins=self.copies is None)
        settled = frozenset(path for path in contents if not self.files.changed(path))
        calendars = read_calendars(draft.calendars_dir, self.files)
        project = put_together(Choice(draft, tables, files, holders, names, settled, self.catalog, calendars))
        for path, problem in unread.items():
            project.problems[path] = [problem]
        return project

    def _rule_paths(self, draft: ConfigDraft) -> Iterator[str]:
        for path in self.files.below(draft.rules_dir):
            if path.endswith((".yaml", ".yml")) and path not in self.out:
                yield path

    def _holders(self, draft: ConfigDraft) -> dict[str, str]:
        """Who had each name so far."""
        prefix = f"{draft.rules_dir}/"
        return {
            name: path
            for path, content in self.last_good.items()
            if path.startswith(prefix)
            for name in written(path, content, path == self._shared(draft)).names
        }

    def _shared(self, draft: ConfigDraft) -> str:
        return str(draft.rules_dir / SHARED_NAME)

    def _settle(self, project: Project) -> bool:
        """Refuse what fails; True when nothing does, or nothing can be done."""
        failing = [path for path in project.failing() if path not in self.out]
        changed = [path for path in failing if any(self.files.changed(each) for each in _parts(path, project))]
        if changed:
            foremost = self._foremost(changed, project)
            if not any(self._blame_words(path, project) for path in foremost):
                for path in foremost:
                    self._refuse(path, project, project.problems[path])
        elif failing:
            self._settle_unchanged(failing, project)
        else:
            blocked = {path: found for path, found in project.blocked.items() if path not in self.out}
            self._settle_blocked(blocked, project)
            return not blocked
        return self._is_lost()

    def _foremost(self, failing: list[str], project: Project) -> list[str]:
        """Those whose refusal may mend others: the configuration, then files that can't be read, then the rest."""
        if str(self.config) in failing:
            return [str(self.config)]
        files = project.choice.files
        unreadable = [path for path in failing if path not in files or not files[path].has_form]
        return unreadable or [path for path in failing if path not in files or files[path].failed] or failing

    def _settle_unchanged(self, failing: list[str], project: Project) -> None:
        blamed = [self._blame(path, project, project.problems[path]) for path in failing]
        if not any(blamed):
            for path in failing:
                self._leave_out(path, project, project.problems[path])

    def _settle_blocked(self, blocked: Mapping[str, list[Diagnostic]], project: Project) -> None:
        """Files that only read what is refused: those that changed go back, and what the others lack comes back."""
        changed = [path for path in blocked if self.files.changed(path)]
        for path in changed or blocked:
            found = [*project.problems[path], *blocked[path]]
            if path in changed or not self._blame(path, project, found):
                self._refuse(path, project, found)

    def _is_lost(self) -> bool:
        return str(self.config) in self.out

    def _refuse(self, path: str, project: Project, found: list[Diagnostic]) -> None:
        """Put the last good content back, or leave the file out."""
        parts = _parts(path, project)
        known = frozenset(each for each in parts if each in self.last_good)
        if path in known and not known <= self.files.held:
            self.diagnostics.setdefault(path, found)
            self.refused.update(each for each in parts if self.files.changed(each))
            self.files = self.files.hold(known)
        else:
            self._leave_out(path, project, found)

    def _leave_out(self, path: str, project: Project, found: list[Diagnostic]) -> None:
        self.diagnostics.setdefault(path, found)
        self.refused.add(path)
        draft = project.choice.files.get(path)
        self.out[path] = draft.names if draft is not None else ()

    def _blame(self, path: str, project: Project, problems: list[Diagnostic]) -> bool:
        """A file that did not change fails, so something that it reads did: refuse that change."""
        first = next(problem for problem in problems if problem.is_error)
        causes = self._causes(path, first, project.choice.config)
        for cause in causes:
            self.diagnostics.setdefault(cause, []).append(_broken_by(cause, path, first))
            self.refused.add(cause)
            if cause not in self.last_good:
                self._leave_out(cause, project, [])
        self.files = self.files.hold(frozenset(causes))
        return bool(causes)

    def _blame_words(self, path: str, project: Project) -> bool:
        """Whether all that is wrong with a file stands in changes of others, of which it takes words over: those go."""
        problems = [each for each in project.problems[path] if each.is_error]
        files = {each.span.file if each.span is not None else path for each in problems}
        if not all(file != path and file in self.last_good and self.files.changed(file) for file in files):
            return False
        for file in files:
            mine = [each for each in problems if each.span is not None and each.span.file == file]
            self.diagnostics.setdefault(file, []).extend(mine)
        self.refused.update(files)
        self.files = self.files.hold(frozenset(files))
        return True

    def _causes(self, path: str, first: Diagnostic, draft: ConfigDraft) -> list[str]:
        """Changed files that this one reads, those nearest first: where the mistake stands, else the files of what its
        rules extend, else rules, else `shared.yaml`, else tables and calendars, else the configuration."""
        shared, good = self._shared(draft), self._as_last_checked(draft)
        beside = good[path].beside if path in good else ()
        folders = (f"{draft.enrichment_dir}/", f"{draft.calendars_dir}/")
        nearest = (
            [first.span.file] if first.span is not None and first.span.file != path else [],
            [each for each in beside if each != shared],
            [each for each in self._read_by(path, draft) if each != path],
            [shared],
            [each for each in self.last_good if each.startswith(folders)],
            [str(self.config)],
        )
        for files in nearest:
            causes = [each for each in files if self._may_go_back(each, shared)]
            if causes:
                return causes
        return []

    def _may_go_back(self, path: str, shared: str) -> bool:
        """To its last good content; `shared.yaml` also to not being there."""
        is_known = path in self.last_good or (path == shared and path in self.files.now and path not in self.out)
        return is_known and self.files.changed(path)

    def _as_last_checked(self, draft: ConfigDraft) -> Mapping[str, FileDraft]:
        """The rules files in force before, with all that they took over."""
        if self._good is None:
            shared = self._shared(draft)
            files = {
                path: written(path, content, path == shared)
                for path, content in self.last_good.items()
                if path.startswith(f"{draft.rules_dir}/")
            }
            self._good = Sharing(files, shared, self._holders(draft), {}).drafts()
        return self._good

    def _read_by(self, path: str, draft: ConfigDraft) -> list[str]:
        """Rules files that this one reads, over several steps."""
        holders, good = self._holders(draft), self._as_last_checked(draft)
        found: dict[str, None] = {}
        pending = [path]
        while pending:
            before = good.get(pending.pop())
            for name in _names_read(before) if before is not None else ():
                holder = holders.get(name)
                if holder is not None and holder not in found:
                    found[holder] = None
                    pending.append(holder)
        return list(found)

    def _loaded(self, project: Project, draft: ConfigDraft) -> Loaded:
        for path, found in project.problems.items():
            self.diagnostics.setdefault(path, found)
        ruleset = project.ruleset()
        broken = {each.name: each.paths[0] for each in project.choice.calendars if each.calendar is None}
        silences = Silences()
        if draft.settings is not None:
            silences = read_silences(draft.silences_dir, self.files, ruleset, broken)
        for path, found in silences.problems.items():
            self.diagnostics.setdefault(path, found)
        diagnostics = tuple(_in_order(problem for found in self.diagnostics.values() for problem in found))
        refused = tuple(sorted({*self.refused, *silences.refused}))
        if self._is_lost() or draft.settings is None:
            return Loaded(None, RuleSet({}, {}, ()), {}, diagnostics, {}, refused, (), self.config, self.folders.rules)
        data = {table.name: table.data for table in project.choice.tables if table.data is not None}
        fetches = tuple(table.fetch for table in project.choice.tables if table.fetch is not None)
        files = dict(self._in_force(project)) | silences.files
        ruleset = replace(ruleset, silences=silences.by_rule, acks=silences.acks)
        bases = tuple(name for file in project.choice.files.values() for name in file.bases)
        whence = (self.config, self.folders.rules, bases)
        return Loaded(draft.settings, ruleset, data, diagnostics, files, refused, fetches, *whence)

    def _in_force(self, project: Project) -> Iterator[tuple[str, bytes]]:
        tables = (path for table in project.choice.tables if table.table is not None for path in table.paths)
        calendars = (path for each in project.choice.calendars if each.calendar is not None for path in each.paths)
        for path in (str(self.config), *project.choice.files, *tables, *calendars):
            content = self.files.content(path)
            if isinstance(content, bytes):
                yield path, content
        for model in project.models.values():
            yield from model.files.items()


def _names_read(file: FileDraft) -> Iterator[str]:
    """By its rules, and by its bases."""
    for rule in file.rules:
        yield from (source.text for source in rule.sources)
        yield from named_in_unless(rule, FIRING)
    for base in file.bases.values():
        yield from (source.text for source in sources_of(base))


def _broken_by(cause: str, path: str, first: Diagnostic) -> Diagnostic:
    """What is told of a change that breaks another file: the mistake itself where it stands in the change."""
    if first.span is not None and first.span.file == cause:
        return first
    message = f"this change breaks {first.span or path}: {first.message}"
    hint = "change both files in one step; until then the last good content stays in force"
    return Diagnostic(codes.READ_ELSEWHERE, message, Span(cause, 1, 1, 1, 1), hint=hint, rule=first.rule)


def _parts(path: str, project: Project) -> tuple[str, ...]:
    """The files that stand or fall together: a declaration of a table or a calendar, and its data."""
    made = [each.paths for each in project.choice.tables] + [each.paths for each in project.choice.calendars]
    return next((paths for paths in made if paths[0] == path), (path,))


def _in_order(found: Iterator[Diagnostic]) -> list[Diagnostic]:
    """By file and place, each once (also what several rules take over), without the echoes of values that YAML itself
    refuses or cuts."""
    once = {(each.code, each.message, each.span or each): each for each in reversed(list(found))}.values()
    no_values = {each.span for each in once if each.code in (codes.TAG, codes.ALIASES)}
    cut = {(each.span.file, each.span.line) for each in once if each.span and each.code in codes.CUTS}
    kept = (
        each
        for each in once
        if each.code in (codes.TAG, codes.ALIASES, *codes.CUTS)
        or (each.span not in no_values and (each.span is None or (each.span.file, each.span.line) not in cut))
    )
    nowhere = Span("", 0, 0, 0, 0)
    return sorted(kept, key=lambda each: (each.span or nowhere, each.code, each.message))
