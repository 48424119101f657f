"""A drafted anomaly rule → `Anomaly`."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.diagnostics import did_you_mean
from streamwatchd.lang.names import resolve
from streamwatchd.lang.typed import Field, Kind, Value
from streamwatchd.lang.units import format_duration
from streamwatchd.rules import codes, streams
from streamwatchd.rules.alarm_building import MAX_ACTIVE, no_data_of, ranked_levels
from streamwatchd.rules.building import Work, common, key_context, message_context, reach_ms, read_values
from streamwatchd.rules.document import Scalar
from streamwatchd.rules.flapping import build_flapping
from streamwatchd.rules.local_days import refuse_days
from streamwatchd.rules.pausing import build_pause
from streamwatchd.rules.repeating import build_repeat
from streamwatchd.rules.ruleset import Anomaly, KeyField, NamedValue
from streamwatchd.rules.streams import SCORE, Place
from streamwatchd.rules.unless import build_unless


def build_anomaly(work: Work) -> Anomaly | None:
    """The anomaly rule, or None when `work.findings` has an error."""
    body = work.draft.body
    _check_inputs(work)
    every_ms = _every_ms(work)
    refuse_days(work, every_ms if work.draft.windowed else 0)
    place = read_values(work, work.judgement if work.draft.windowed else work.row)
    _check_names(work)
    features = tuple(_features(work, place))
    scored = streams.rows((streams.of_scores(work.draft.name, work.keys, work.values, every_ms, work.inputs),))
    scored = streams.with_constants(scored, work.constants)
    levels = ranked_levels(work, scored)
    message = body.scalar("message")
    template = work.language.message(message, scored) if message is not None else None
    no_data, flapping = no_data_of(work), build_flapping(work)
    unless, pause, repeat_ms = build_unless(work, place), build_pause(work), build_repeat(work)
    holds = [max(level.for_ms, level.until_for_ms) for level in levels]
    reach = max(reach_ms([value.expr for value in work.values], every_ms) + max(holds, default=0), no_data.after_ms)
    shared = common(work, every_ms, reach, message_context(key_context(work), template))
    if work.findings.has_errors:
        return None
    return Anomaly(
        **shared,
        model=body.text("model"),
        features=features,
        missing=body.text("missing", "skip"),
        windowed=work.draft.windowed,
        levels=levels,
        no_data=no_data,
        message=template,
        runbook=body.text("runbook"),
        max_active=body.integer("max_active", MAX_ACTIVE),
        unless=unless,
        repeat_ms=repeat_ms,
        flapping=flapping,
        pause=pause,
    )


def _check_inputs(work: Work) -> None:
    """What is scored is a row: of windows of its own, or of the KPI that is read; then the keys are the KPI's."""
    if work.draft.windowed:
        return
    first = work.inputs[0]
    if not first.is_kpi:
        hint = "add `values:` with aggregates, such as `{traffic: sum(octets)}`, or read a KPI"
        message = "an anomaly rule scores windows, and nothing here makes windows of single events"
        work.findings.add(codes.NO_AGGREGATE, message, work.draft.place, hint=hint)
    elif len(work.inputs) == 1:
        _take_keys(work, first.keys)


def _take_keys(work: Work, keys: tuple[str, ...]) -> None:
    written = work.draft.body.scalars("by")
    if not written:
        names = work.row.scope.names
        work.keys = tuple(KeyField(name, key) for name in keys if isinstance(key := names[name], Field))
    elif len(work.keys) == len(written) and {scalar.text for scalar in written} != set(keys):
        named = f"`by: [{', '.join(keys)}]`" if keys else "no `by:`"
        hint = f"write {named}, or leave it out; to score fewer keys, aggregate in `values:`"
        message = f"the rows of `{work.inputs[0].name}` have other keys"
        work.findings.add(codes.UNKNOWN_KEY, message, written[0].span, hint=hint)


def _every_ms(work: Work) -> int:
    """The step: the rule's own, that of the KPI it reads, the file's."""
    step = max((stream.step_ms for stream in work.inputs), default=0)
    own = work.draft.body.duration("every")
    if step and own % step:
        message = f"`every` must be a multiple of {format_duration(step)}, the step of `{work.inputs[0].name}`"
        hint = f"write `every: {format_duration(step)}`"
        work.findings.add(codes.WINDOW_STEP, message, work.draft.body.key("every"), hint=hint)
    if not work.draft.windowed:
        if own and own != step:
            hint = "take it out, or aggregate in `values:`"
            message = f"rows of `{work.inputs[0].name}` are scored as they come, not at steps of their own"
            work.findings.add(codes.WINDOW_STEP, message, work.draft.body.key("every"), hint=hint)
        return step
    found = own or step or work.draft.defaults.duration("every")
    if not found:
        hint = "add `every: 1m`, here or at the top of the file"
        message = "no `every:`: nothing says how often there is a vector to score"
        work.findings.add(codes.NO_STEP, message, work.draft.place, hint=hint)
    return found


def _check_names(work: Work) -> None:
    for key, _ in work.draft.body.entries("values"):
        if key.text == SCORE:
            message = f"`{SCORE}` is what the model gives and can't be a value too"
            work.findings.add(codes.NAME_TAKEN, message, key.span, hint="choose another name")
    for scalar in work.draft.body.scalars("by"):
        if scalar.text == SCORE:
            message = f"`{SCORE}` is what the model gives and can't be a key too"
            work.findings.add(codes.NAME_TAKEN, message, scalar.span, hint="choose another name")


def _features(work: Work, place: Place) -> Iterator[str]:
    """Their names; a column of the KPI that no value names becomes a value."""
    seen: set[str] = set()
    if not (work.draft.windowed or work.inputs[0].is_kpi):
        return
    for scalar in work.draft.body.scalars("features"):
        if scalar.text in seen:
            work.findings.add(codes.DUPLICATE_KEY, f"`{scalar.text}` stands twice in `features:`", scalar.span)
            continue
        seen.add(scalar.text)
        if scalar.text in work.language.broken:
            continue
        meaning = resolve(scalar.text, place.scope)
        if scalar.text in place.scope.guesses:
            work.language.uses(place.scope.guesses[scalar.text], Kind.NUMBER, scalar)
        match meaning:
            case Value() | Field() if meaning.type.kind is not Kind.NUMBER:
                hint = "models take numbers; make one of it in `values:`"
                work.findings.add(codes.BAD_FEATURE, f"`{scalar.text}` is not a number", scalar.span, hint=hint)
            case Value():
                yield scalar.text
            case Field() if _is_column(work, scalar.text):
                work.values.append(NamedValue(scalar.text, meaning))
                yield scalar.text
            case _:
                _unknown(work, scalar)


def _is_column(work: Work, name: str) -> bool:
    return name != SCORE and all(name != key.name for key in work.keys)


def _unknown(work: Work, scalar: Scalar) -> None:
    keys = {key.name for key in work.keys}
    known = [value.name for value in work.values]
    if not work.draft.windowed:
        names = work.row.scope.names
        known += [
            name for name, node in names.items() if isinstance(node, Field) and name not in keys and "." not in name
        ]
    hint = did_you_mean(scalar.text, known) or f"known here: {', '.join(sorted(set(known))[:12]) or 'nothing yet'}"
    if scalar.text in keys:
        message = f"`{scalar.text}` is a key: each of its values has rows of its own"
    else:
        message = f"`{scalar.text}` is no value of this rule" + (
            "" if work.draft.windowed else ", nor a column that it reads"
        )
    work.findings.add(codes.BAD_FEATURE, message, scalar.span, hint=hint)
