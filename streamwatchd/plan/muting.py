"""Lowering of what says who is told: `unless:` (the states of other alarms go to every task that asks for them),
`repeat:`, `flapping:`."""

from __future__ import annotations

from collections.abc import Iterable

from streamwatchd.lang.typed import During, walk
from streamwatchd.operators.firing import stream_of
from streamwatchd.operators.spec import Flap, MuteSpec, PauseSpec, Repeat
from streamwatchd.plan.builder import Builder, Home, Stream, firings, key_columns
from streamwatchd.rules.ruleset import Alarm


def asked(rules: Iterable[Alarm]) -> frozenset[str]:
    """The alarms whose states others read."""
    return frozenset(leaf.rule for rule in rules for leaf in firings(rule))


def asked_first(rules: Iterable[Alarm]) -> list[Alarm]:
    """By name, but alarms before those that ask for their state; the loader has refused circles."""
    waiting = {rule.name: rule for rule in sorted(rules, key=lambda rule: rule.name)}
    done: list[Alarm] = []
    while waiting:
        ready = [rule for rule in waiting.values() if not any(leaf.rule in waiting for leaf in firings(rule))]
        assert ready, "alarms mute each other in a circle"
        for rule in ready:
            done.append(waiting.pop(rule.name))
    return done


def add_states(builder: Builder, rule: Alarm, home: Home) -> None:
    """The stream of an alarm's states, for those who ask."""
    columns = {key.name: key.kind for key in key_columns(rule)}
    name = stream_of(rule.name)
    builder.streams[name] = Stream(name, home.stage, None, home.source, columns, tuple(columns))


def lower_mute(builder: Builder, rule: Alarm, home: Home) -> MuteSpec | None:
    """What mutes a rule, with what it takes to know it."""
    if rule.unless is None:
        return None
    names = {node.calendar for node in walk(rule.unless) if isinstance(node, During)}
    step_ms = 1 if rule.windowless else rule.every_ms
    feeds = tuple((leaf, builder.states(home, leaf, step_ms)) for leaf in firings(rule))
    return MuteSpec(rule.unless, feeds, tuple(builder.rules.calendars[name] for name in sorted(names)))


def lower_pause(builder: Builder, rule: Alarm) -> PauseSpec | None:
    """The stretches in which a rule is not judged."""
    if rule.pause is None:
        return None
    names = {node.calendar for node in walk(rule.pause) if isinstance(node, During)}
    return PauseSpec(rule.pause, tuple(builder.rules.calendars[name] for name in sorted(names)))


def repeats_of(rules: Iterable[Alarm]) -> tuple[Repeat, ...]:
    """Of the rules that say `repeat`."""
    return tuple(Repeat(rule.name, *rule.repeat_ms) for rule in rules if rule.repeat_ms)


def flaps_of(rules: Iterable[Alarm]) -> tuple[Flap, ...]:
    """Of the rules that say `flapping`."""
    found = ((rule.name, rule.flapping) for rule in rules)
    return tuple(Flap(name, each.changes, each.window_ms, each.until) for name, each in found if each is not None)


def reads(rule: Alarm) -> tuple[str, ...]:
    """The streams that an alarm waits for."""
    return (*rule.sources, *(stream_of(leaf.rule) for leaf in firings(rule)))


def settle_told(builder: Builder) -> None:
    """States come as late as their alarm is judged."""
    for stage, source, rule in builder.told:
        draft = builder.drafts[(stage, source)]
        nodes = [(each.id, each.members) for each in draft.windows] + [(each.id, each.members) for each in draft.rows]
        node = next(name for name, members in nodes if rule in [member.name for member in members])
        draft.roots[stream_of(rule)] = draft.roots[node]
        if node in draft.paces:
            draft.paces[stream_of(rule)] = draft.paces[node]
