"""What differs between two `streamwatchd.yaml`: the daemon reads it once, so all of it takes a restart.

Compared is what is written, with defaults put in: a default that is spelt out, or `60s` for `1m`, is no change.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path

from streamwatchd.errors import RuleSetRejected
from streamwatchd.fields import Duration, Either, Form, Integer, MapOf, Record, Share, Truth
from streamwatchd.lang.units import format_duration, parse_duration
from streamwatchd.rules.document import Mapping, Node, Scalar, Sequence, is_empty
from streamwatchd.rules.environment import expand
from streamwatchd.rules.form import Findings, share_of
from streamwatchd.rules.kafka_options import SECRET
from streamwatchd.rules.reader import parse
from streamwatchd.rules.settings_reader import read_config
from streamwatchd.rules.settings_spec import SETTINGS

NOT_SET = "not set"
HIDDEN = "(hidden)"
_LONGEST = 60
_EFFECTS = {
    "app": "all state and offsets begin anew, whatever is said of rules; with the old `state_dir` the start is refused",
    "shards": "tasks move to their new shards, each with its state, before work goes on",
    "exchange_partitions": "their number is fixed from the first start on: a start with another one is refused",
    "state_dir": "state that is not moved along is rebuilt from the journal topic, as far as that is retained",
}


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting by its path in the file, as in `topics.alerts`, with its values as text; those of secrets are hidden.

    `effect` is what becomes of state, empty where nothing does.
    """

    name: str
    old: str
    new: str
    takes: str = "restart"
    effect: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.old} → {self.new}"


def written_settings(config: Path, content: bytes, environment: MappingOf[str, str]) -> Mapping:
    """The tree of a `streamwatchd.yaml` with variables put in. Raises RuleSetRejected for one that does not check."""
    draft = read_config(config, parse(str(config), content), environment=environment)
    top = draft.document.top and expand(draft.document.top, Findings(draft.document), environment)
    if draft.failed or not isinstance(top, Mapping):
        raise RuleSetRejected(tuple(each for each in draft.problems if each.is_error))
    return top


def setting_changes(old: Mapping, new: Mapping) -> tuple[SettingChange, ...]:
    """All that differs, in the order of the reference."""
    return tuple(_of_record(old, new, SETTINGS, ""))


def _of_record(old: Node | None, new: Node | None, record: Record, path: str) -> Iterator[SettingChange]:
    for each in record.fields:
        yield from _of_field(_entry(old, each.name), _entry(new, each.name), each.form, path + each.name, each.default)


def _of_field(old: Node | None, new: Node | None, form: Form, name: str, default: str) -> Iterator[SettingChange]:
    """A record that is not written has its defaults."""
    match form:
        case Record() if not isinstance(old or new, Scalar):
            yield from _of_record(old, new, form, f"{name}.")
        case MapOf(value=value):
            for key in dict.fromkeys([*_names(old), *_names(new)]):
                yield from _of_entry(_entry(old, key), _entry(new, key), value, f"{name}.{key}")
        case _:
            yield from _of_values(_text(old, form) or default, _text(new, form) or default, name)


def _of_entry(old: Node | None, new: Node | None, form: Form, name: str) -> Iterator[SettingChange]:
    """What the user names is there as a whole, or not."""
    if isinstance(form, Either):
        form = next((each for each in form.forms if isinstance(each, Record)), form)
    if isinstance(form, Record) and isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _of_record(old, new, form, f"{name}.")
    else:
        yield from _of_values(_text(old, form), _text(new, form), name)


def _of_values(old: str, new: str, name: str) -> Iterator[SettingChange]:
    if old != new:
        is_secret = name.removeprefix("kafka.") in SECRET
        before, after = (HIDDEN if text and is_secret else _short(text) or NOT_SET for text in (old, new))
        yield SettingChange(name, before, after, effect=_EFFECTS.get(name, ""))


def _entry(node: Node | None, name: str) -> Node | None:
    found = node.get(name) if isinstance(node, Mapping) else None
    return None if is_empty(found) else found


def _names(node: Node | None) -> list[str]:
    return [key.text for key, _ in node.entries] if isinstance(node, Mapping) else []


def _text(node: Node | None, form: Form) -> str:
    """Equal texts mean the same; empty for nothing."""
    match node:
        case None:
            return ""
        case Scalar(text=text):
            return _normal(node, form) or text
        case Sequence(items=items):
            return ", ".join(_text(item, form) for item in items)
        case Mapping(entries=entries):
            return f"{{{', '.join(f'{key.text}: {_text(value, form)}' for key, value in entries)}}}"


def _normal(scalar: Scalar, form: Form) -> str:
    """One way of writing durations, shares, numbers and truth values; empty for all else."""
    if isinstance(form, Duration) and (ms := parse_duration(scalar.text)) is not None:
        return format_duration(ms)
    if isinstance(form, Share) and (share := share_of(scalar)) is not None:
        return f"{100 * share:.10g}%"
    return str(scalar.value).lower() if isinstance(form, Integer | Truth) else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
