"""What a record of the control topic comes to: the commands of the socket, or the book of verdicts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from streamwatchd.batch import key_text
from streamwatchd.control import CommandRefused, Request
from streamwatchd.daemon import commands
from streamwatchd.daemon.commands import alerts, reload
from streamwatchd.daemon.commands.ack import MOST
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.commands.rules import kinds_in_force, scored_keys_in_force
from streamwatchd.daemon.control_topic import told_alerts
from streamwatchd.daemon.control_topic.dispositions import Dispositions, Kept
from streamwatchd.daemon.control_topic.records import Ack, Disposition, EndSilence, Said, Silence
from streamwatchd.daemon.spoken import KEEP_MS
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import BadRecord, ModelRejected, StateMismatch
from streamwatchd.lang.units import parse_duration
from streamwatchd.operators.document import iso
from streamwatchd.ports.open_files import open_files
from streamwatchd.repository.feedback import Verdict, take
from streamwatchd.repository.store import ModelStore

TAKEN, REPEATED, OVER = "taken", "repeated", "over"
_LATER = ("busy", "not_ready")
_ALARM_ID = re.compile(r"[0-9a-f]{16}")


class Later(Exception):
    """It can't be done now; the same record again, in a moment."""


class Effects:
    """`context` is the daemon as it is now; `changed` is called when models have."""

    def __init__(self, context: Callable[[], Context], dispositions: Dispositions, changed: Callable[[], None]) -> None:
        self._context, self._dispositions, self._changed = context, dispositions, changed

    def apply(self, said: Said, stamp_ms: int) -> str:
        """`stamp_ms` is the record's timestamp. Gives taken, repeated, or over: it was for a time that is past.

        Raises BadRecord where it can't come to anything, Later and Unavailable where it can't now.
        """
        context = self._context()
        if any(each.get("id") == said.id for each in (*context.spoken.silences, *context.spoken.acks)):
            return REPEATED
        try:
            match said:
                case Disposition():
                    return self._dispose(context, said, stamp_ms)
                case EndSilence():
                    return self._command(context, "silence", {"end": _named(context, said.silence)})
                case Ack():
                    if stamp_ms < context.clock.now_ms() - KEEP_MS:
                        return OVER
                    keys = {name: key_text(value) for name, value in said.keys.items()}
                    arguments = {"rule": said.rule, "by": said.by, "where": said.where, "note": said.note}
                    return self._command(context, "ack", {**arguments, "keys": keys, "id": said.id, "up_only": True})
                case Silence():
                    return self._silence(context, said, stamp_ms)
        except CommandRefused as error:
            raise (Later if error.code in _LATER else BadRecord)(str(error)) from error

    def _silence(self, context: Context, said: Silence, stamp_ms: int) -> str:
        until = said.until or iso(stamp_ms + (parse_duration(said.for_) or 0))
        if _is_past(until, context.clock.now_ms() - KEEP_MS):
            return OVER
        arguments = {
            "id": said.id, "rules": said.rules, "labels": said.labels, "where": said.where, "from": said.from_,
            "until": until, "reason": said.reason, "by": said.by,
            "keys": {name: key_text(value) for name, value in said.keys.items()},
        }  # fmt: skip
        return self._command(context, "silence", arguments)

    def _command(self, context: Context, command: str, arguments: Mapping[str, Any]) -> str:
        before = context.spoken.content
        try:
            commands.run(context, Request(command, arguments), _quiet)
        except CommandRefused:
            if context.spoken.content == before:
                raise
            self._until_in_force(context)
        return TAKEN

    def _until_in_force(self, context: Context) -> None:
        """It checks, and some shard has not switched yet. Raises Later where the answer is not to be had now."""
        try:
            reload.run(context, {"wait": True}, _quiet)
        except CommandRefused as error:
            raise Later(str(error)) from error

    def _dispose(self, context: Context, said: Disposition, stamp_ms: int) -> str:
        kinds = kinds_in_force(context)
        if not kinds:
            raise Later("no rules are in force yet")
        kind = kinds.get(said.rule)
        if kind not in ("alarm", "anomaly"):
            hint = did_you_mean(said.rule, [name for name, each in kinds.items() if each != "kpi"])
            raise BadRecord(f"no alarm or anomaly rule `{said.rule}` is in force; {hint or '`swctl rules` lists them'}")
        at = iso(stamp_ms)
        if kind == "anomaly":
            of = self._teach(context, said, at)
        elif _ALARM_ID.fullmatch(said.alarm.lower()):
            of = self._alarm(context, said.rule, said.alarm.lower(), kinds)
        elif said.alarm:
            raise BadRecord(f"`{said.alarm}` is the `id` of no alert: those have 16 hexadecimal digits")
        else:
            raise BadRecord("`alarm` is missing: the `id` of the alert")
        self._dispositions.add(Kept(said.id, said.rule, of, said.verdict, at, said.by, said.note))
        context.log.info("disposition_taken", rule=said.rule, of=of, verdict=said.verdict, by=said.by)
        return TAKEN

    def _alarm(self, context: Context, rule: str, alarm: str, kinds: Mapping[str, str]) -> str:
        """Its id. Raises BadRecord where there is no alarm of that id to be found, or it is of another rule.

        That a topic has all its events from the first on does not say that it has those of every alarm: it may have
        been made anew."""
        if self._dispositions.knows(rule, alarm):
            return alarm
        topics = context.settings.topics
        found = told_alerts.find(context.kafka, context.clock, (topics.alerts, topics.shadow), alarm)
        if found.rule is not None and found.rule != rule and found.rule in kinds:
            raise BadRecord(f"`{alarm}` is an alert of `{found.rule}`, not of `{rule}`")
        if found.rule is None:
            _refuse_unless_up(context, alarm, found.complete)
        return alarm

    def _teach(self, context: Context, said: Disposition, at: str) -> str:
        """The model that scored the row learns; gives the name of the row."""
        if not said.end or said.score is None or not said.model or not said.version:
            raise BadRecord("`key`, `end`, `score`, `model` and `version` of the row in `anomalies` are needed")
        names = scored_keys_in_force(context, said.rule)
        if names != set(said.key):
            by = ", ".join(f"`{name}`" for name in sorted(names)) or "none"
            raise BadRecord(f"`key` names no row of `{said.rule}`: its keys are {by}")
        end = _time(said.end)
        store = ModelStore(*open_files(context.settings.models, context.settings.snapshot_store_options))
        given = Verdict(said.model, said.version, said.verdict, said.key, end, said.score, at, said.by, said.note)
        try:
            taken = take(store, given)
        except (ModelRejected, StateMismatch) as error:
            raise BadRecord(f"{said.model}@{said.version}: {error}") from error
        if taken.version:
            self._changed()
        fields = ", ".join(f"{name}={key_text(value)}" for name, value in sorted(said.key.items()))
        return f"{fields} {end}".strip()


def _refuse_unless_up(context: Context, alarm: str, complete: bool) -> None:
    """Raises BadRecord where it is not up, or where a shard can't say but the topics have all that was written to them
    (`complete`)."""
    told = alerts.run(context, {"most": MOST}, _quiet)
    if any(row["id"] == alarm for row in told["alarms"]):
        return
    unasked = "; ".join(told["problems"])
    if not unasked and told["total"] > len(told["alarms"]):
        unasked = f"{told['total']:,} are up, of which {len(told['alarms']):,} were looked at"
    if complete or not unasked:
        up = f"none is up as far as shards said ({unasked})" if unasked else "none is up"
        raise BadRecord(f"there is no alert with the `id` {alarm}: none in {context.settings.topics.alerts}, and {up}")


def _quiet(text: str) -> None:
    """Nobody waits for a word."""


def _named(context: Context, name: str) -> str:
    """A silence by its name, or by the id of the record that said it."""
    for each in context.spoken.silences:
        if name in (each.get("id"), each["silence"]):
            return str(each["silence"])
    return name


def _time(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadRecord(f"`end` must be a time such as 2026-01-05T10:00:00Z, not `{text}`") from None
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return iso(round(found.timestamp() * 1000))


def _is_past(text: str, now_ms: int) -> bool:
    """What is no time is for the reader of silences to refuse."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return False
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return found.timestamp() * 1000 < now_ms
