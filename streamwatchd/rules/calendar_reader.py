"""The calendars of `calendars.d/`: `NAME.yaml`, with an `.ics` file or without, or an `.ics` file alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from streamwatchd.calendars.calendar import Calendar, Stretch
from streamwatchd.calendars.ics import BadCalendar, read_ics
from streamwatchd.calendars.recurrence import BadRule, check
from streamwatchd.diagnostics import Diagnostic, Span
from streamwatchd.fields import IDENTIFIER
from streamwatchd.rules import codes
from streamwatchd.rules.calendar_spec import CALENDAR, DAYS, STRETCH
from streamwatchd.rules.document import Document, Mapping, Scalar, Sequence
from streamwatchd.rules.files import Files, paths_in
from streamwatchd.rules.form import Findings, Read, read
from streamwatchd.rules.reader import parse
from streamwatchd.rules.zone import zone_of

_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_DAY = timedelta(days=1)
_MONDAY = datetime.fromisoformat("2024-01-01")
"""Weekly stretches begin at some Monday before all events that matter."""


@dataclass(frozen=True, slots=True)
class CalendarDraft:
    """One calendar; `paths` are the files it is made of, its own first; `calendar` is None when it is broken."""

    name: str
    paths: tuple[str, ...]
    calendar: Calendar | None = None
    problems: tuple[Diagnostic, ...] = ()


def calendar_paths(folder: Path) -> tuple[str, ...]:
    """The files of calendars in a folder, not below."""
    return paths_in(folder, (".yaml", ".yml", ".ics"))


def read_calendars(folder: Path, files: Files) -> tuple[CalendarDraft, ...]:
    """All calendars of a folder; two of one name: the first path keeps it."""
    paths = files.below(folder)
    drafts = [_declared(path, files) for path in paths if path.endswith((".yaml", ".yml"))]
    used = {path for draft in drafts for path in draft.paths}
    drafts += [_bare(path, files) for path in paths if path.endswith(".ics") and path not in used]
    holders: dict[str, CalendarDraft] = {}
    found: list[CalendarDraft] = []
    for draft in drafts:
        holder = holders.setdefault(draft.name, draft)
        if holder is not draft:
            message = f"a calendar `{draft.name}` is there already: {holder.paths[0]}"
            place = Span(draft.paths[0], 1, 1, 1, 1)
            problem = Diagnostic(codes.CALENDAR_TAKEN, message, place, hint="rename one, or remove it")
            draft = CalendarDraft("", draft.paths, problems=(problem,))
        found.append(draft)
    return tuple(found)


def _bare(path: str, files: Files) -> CalendarDraft:
    name, findings = Path(path).stem, Findings(Document(path, ""))
    place = Span(path, 1, 1, 1, 1)
    if re.fullmatch(IDENTIFIER, name) is None:
        hint = f"rename the file, or add a `.yaml` file with `name:` and `file: {Path(path).name}`"
        findings.add(codes.BAD_NAME, f"`{name}` can't be the name of a calendar", place, hint=hint)
        return CalendarDraft(name, (path,), problems=tuple(findings.problems))
    stretches = _from_ics(path, "", files, place, findings)
    calendar = None if findings.has_errors else Calendar(name, stretches)
    return CalendarDraft(name, (path,), calendar, tuple(findings.problems))


def _declared(path: str, files: Files) -> CalendarDraft:
    content, name = files.content(path), Path(path).stem
    if isinstance(content, Diagnostic):
        return CalendarDraft(name, (path,), problems=(content,))
    document = parse(path, content)
    findings = Findings(document, problems=list(document.diagnostics))
    if document.top is None:
        return CalendarDraft(name, (path,), problems=tuple(findings.problems))
    body = read(document.top, CALENDAR, findings)
    name = body.text("name", name)
    if "name" not in body and re.fullmatch(IDENTIFIER, name) is None:
        place = Span(path, 1, 1, 1, 1)
        findings.add(codes.BAD_NAME, f"`{name}` can't be the name of a calendar", place, hint="add `name:`")
    zone, file = zone_of(body, findings), body.scalar("file")
    stretches = list(_written(body, zone, findings))
    paths: tuple[str, ...] = (path,)
    if file is not None:
        beside = str(Path(path).parent / file.text)
        paths = (path, beside)
        stretches += _from_ics(beside, zone if "timezone" in body else "", files, file.span, findings)
    if file is None and "during" not in body and not findings.has_errors:
        hint = "add `during:` with its stretches, or `file:` with an iCalendar file"
        findings.add(codes.MISSING_FIELD, "this calendar has no time", Span(path, 1, 1, 1, 1), hint=hint)
    calendar = None if findings.has_errors else Calendar(name, tuple(stretches))
    return CalendarDraft(name, paths, calendar, tuple(findings.problems))


def _from_ics(path: str, zone: str, files: Files, place: Span, findings: Findings) -> tuple[Stretch, ...]:
    content = files.content(path)
    if isinstance(content, Diagnostic):
        findings.add(codes.CALENDAR_UNREADABLE, f"{path}: {content.message}", place, hint=content.hint)
        return ()
    try:
        return read_ics(content, zone)
    except BadCalendar as error:
        hint = "export it again as iCalendar (RFC 5545)"
        findings.add(codes.CALENDAR_UNREADABLE, f"{path} is no iCalendar file: {error}", place, hint=hint)
        return ()


def _written(body: Read, zone: str, findings: Findings) -> Iterator[Stretch]:
    node = body.values.get("during")
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Mapping):
            stretch = _stretch(read(item, STRETCH, findings), zone, findings)
            if stretch is not None:
                yield stretch


def _stretch(body: Read, zone: str, findings: Findings) -> Stretch | None:
    begins, ends, days = body.scalar("from"), body.scalar("to"), body.scalars("days")
    if begins is None or ends is None or ("days" not in body and body.node.get("days") is not None):
        return None
    start = _clock(begins, _MONDAY) if days else _moment(begins)
    end = None if start is None else _clock(ends, start) or (None if days else _moment(ends))
    if start is None or end is None:
        wrong, kind = (begins, "22:00") if start is None else (ends, "22:00")
        kind = kind if days else "2026-03-01 22:00"
        findings.add(codes.BAD_TIME, f"`{wrong.text}` is no time here", wrong.span, hint=f'write it as "{kind}"')
        return None
    if end <= start and _clock(ends, start) is not None:
        end += _DAY
    if end <= start:
        findings.add(codes.BAD_TIME, "the stretch ends before it begins", ends.span, hint="exchange `from` and `to`")
        return None
    rule = _rule(body, days, start, findings)
    but = tuple(each for scalar in body.scalars("except") for each in _except(scalar, start, findings))
    return Stretch(start, end - start, zone, rule, (), but) if rule is not None else None


def _rule(body: Read, days: tuple[Scalar, ...], start: datetime, findings: Findings) -> str | None:
    repeat = body.scalar("repeat")
    if days and repeat is not None:
        message = "`days` and `repeat` exclude each other"
        findings.add(codes.EXCLUSIVE_FIELDS, message, body.key("repeat"), hint="keep one")
        return None
    if days:
        return "FREQ=WEEKLY;BYDAY=" + ",".join(day.text[:2].upper() for day in days if day.text in DAYS)
    if repeat is None:
        return ""
    try:
        check(repeat.text.strip(), start)
    except BadRule as error:
        hint = "write an RRULE of RFC 5545, such as `FREQ=MONTHLY;BYDAY=1SU`"
        findings.add(codes.BAD_TIME, f"the recurrence rule can't be read: {error}", repeat.span, hint=hint)
        return None
    return repeat.text.strip()


def _except(scalar: Scalar, start: datetime, findings: Findings) -> Iterator[datetime]:
    """The start of the repetition that a date leaves out."""
    try:
        yield datetime.combine(date.fromisoformat(scalar.text.strip()), start.time())
    except ValueError:
        findings.add(codes.BAD_TIME, f"`{scalar.text}` is no date", scalar.span, hint='write it as "2026-12-25"')


def _moment(scalar: Scalar) -> datetime | None:
    try:
        found = datetime.fromisoformat(scalar.text.strip())
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def _clock(scalar: Scalar, day: datetime) -> datetime | None:
    """A clock time on the day of another time; 24:00 is the end of the day."""
    found = _CLOCK.fullmatch(scalar.text.strip())
    if found is None or (found[1] == "24" and found[2] != "00"):
        return None
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(hours=int(found[1]), minutes=int(found[2]))
