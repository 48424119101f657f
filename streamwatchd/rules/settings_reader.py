"""`streamwatchd.yaml` → settings and sources, with every mistake of form."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from pathlib import Path

from streamwatchd.control import SOCKET_NAME
from streamwatchd.diagnostics import Diagnostic, did_you_mean
from streamwatchd.lang import units
from streamwatchd.lang.names import one_edit
from streamwatchd.lang.typed import BOOL, NUMBER, STRING, Type
from streamwatchd.rules import codes, settings_spec
from streamwatchd.rules.document import Document, Mapping, Scalar, is_empty
from streamwatchd.rules.environment import expand
from streamwatchd.rules.form import Findings, Read, read
from streamwatchd.rules.kafka_options import ALLOWED, refusal
from streamwatchd.rules.ruleset import COUNTER_GAP_MS, Enrichment, FieldDeclaration, Source
from streamwatchd.settings import SelfAlerts, Settings, Topics, numbers_of

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+|):([0-9]{1,5})")
_SERVERS = dict.fromkeys(("brokers", "servers", "bootstrap", "bootstrap_servers"), "write `bootstrap.servers`")
_KINDS = {"string": STRING, "bool": BOOL}


@dataclass(frozen=True, slots=True)
class SourceDraft:
    """A source as it is written; `drop` and the tables of `enrich` are looked at later."""

    source: Source
    body: Read


@dataclass(frozen=True, slots=True)
class ConfigDraft:
    document: Document
    settings: Settings | None
    rules_dir: Path
    enrichment_dir: Path
    sources: MappingOf[str, SourceDraft] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()
    calendars_dir: Path = Path("calendars.d")
    silences_dir: Path = Path("silences.d")

    @property
    def failed(self) -> bool:
        return any(problem.is_error for problem in self.problems)


def read_config(
    path: Path,
    document: Document,
    *,
    rules_dir: Path | None = None,
    enrichment_dir: Path | None = None,
    calendars_dir: Path | None = None,
    silences_dir: Path | None = None,
    environment: MappingOf[str, str] | None = None,
) -> ConfigDraft:
    """The folders given as arguments win over those that the file says."""
    findings = Findings(document, problems=list(document.diagnostics))
    base = path.parent
    top = document.top and expand(document.top, findings, os.environ if environment is None else environment)
    if not isinstance(top, Mapping):
        rules, tables = rules_dir or base / "rules.d", enrichment_dir or base / "enrichment.d"
        calendars, silences = calendars_dir or base / "calendars.d", silences_dir or base / "silences.d"
        return ConfigDraft(document, None, rules, tables, {}, tuple(findings.problems), calendars, silences)
    body = read(top, settings_spec.SETTINGS, findings)
    entries = body.entries("sources")
    sources = {key.text: _source(key, node, findings) for key, node in entries if isinstance(node, Mapping)}
    rules = _folder(body, "rules_dir", ("rules.d",), base, rules_dir, findings)
    tables = _folder(body, "enrichment_dir", ("enrichment.d", "enrichment"), base, enrichment_dir, findings)
    calendars = _folder(body, "calendars_dir", ("calendars.d",), base, calendars_dir, findings)
    silences = _folder(body, "silences_dir", ("silences.d",), base, silences_dir, findings)
    settings = _settings(path, body, findings, rules, tables)
    settings = replace(settings, calendars_dir=calendars.absolute(), silences_dir=silences.absolute())
    return ConfigDraft(document, settings, rules, tables, sources, tuple(findings.problems), calendars, silences)


def _settings(path: Path, body: Read, findings: Findings, rules_dir: Path, enrichment_dir: Path) -> Settings:
    default = Settings(path)
    state_dir = (path.parent / body.text("state_dir", str(default.state_dir))).absolute()
    return Settings(
        config_path=path.absolute(),
        app=body.text("app", default.app),
        kafka=_kafka(body, findings),
        shards=body.integer("shards", default.shards),
        owns=_owns(body),
        take_over_after_ms=body.duration("take_over_after", default.take_over_after_ms),
        state_dir=state_dir,
        rules_dir=rules_dir.absolute(),
        enrichment_dir=enrichment_dir.absolute(),
        models=_repository(path, body),
        listen=_listen(body, default.listen, findings),
        topics=_topics(body, findings),
        exchange_partitions=body.integer("exchange_partitions", default.exchange_partitions),
        max_future_ms=body.duration("max_future", default.max_future_ms),
        idle_jump_ms=body.duration("idle_jump", default.idle_jump_ms),
        max_ahead_ms=body.duration("max_ahead", default.max_ahead_ms),
        max_record_bytes=body.integer("max_record_bytes", default.max_record_bytes),
        batch_records=body.integer("batch_records", default.batch_records),
        backfill_ms=body.duration("backfill", default.backfill_ms),
        partitions_settle_ms=body.duration("partitions_settle", default.partitions_settle_ms),
        snapshot_every_ms=body.duration("snapshot_every", default.snapshot_every_ms),
        snapshot_store=body.text("snapshot_store"),
        snapshot_store_options=_store_options(path, body, findings),
        commit_every_ms=body.duration("commit_every", default.commit_every_ms),
        start_from=body.text("start_from", default.start_from),
        delivery=body.text("delivery", default.delivery),
        log_level=body.text("log_level", default.log_level),
        control_socket=_control_socket(path, body, state_dir),
        control_group=body.text("control_group"),
        control_topic=_control_topic(body, findings),
        self_alerts=_self_alerts(body, findings),
    )


def _owns(body: Read) -> tuple[int, ...]:
    try:
        return numbers_of(body.text("owns")) if body.text("owns") else ()
    except ValueError:
        return ()  # told by the pattern of the field


def _repository(path: Path, body: Read) -> str:
    """The address of the repository of models; a path is relative to the file."""
    said = body.text("models", "models")
    return said if "://" in said else f"file://{(path.parent / said).absolute()}"


def _store_options(path: Path, body: Read, findings: Findings) -> dict[str, str]:
    node = body.values.get("snapshot_store_options")
    if not isinstance(node, Mapping):
        return {}
    options = read(node, settings_spec.STORE_OPTIONS, findings)
    found = {name: options.text(name) for name in ("endpoint", "region") if name in options}
    if "credentials_file" in options:
        found["credentials_file"] = str((path.parent / options.text("credentials_file")).absolute())
    if options.truth("virtual_hosted_style"):
        found["virtual_hosted_style"] = "true"
    return found


def _control_socket(path: Path, body: Read, state_dir: Path) -> Path | None:
    said = body.text("control_socket")
    if said == "off":
        return None
    return (path.parent / said).absolute() if said else state_dir / SOCKET_NAME


def _control_topic(body: Read, findings: Findings) -> str:
    node = body.values.get("control")
    return read(node, settings_spec.CONTROL, findings).text("topic") if isinstance(node, Mapping) else ""


def _folder(body: Read, name: str, usual: tuple[str, ...], base: Path, given: Path | None, findings: Findings) -> Path:
    """An argument, else what the file says, else the first usual folder that is there."""
    if given is not None:
        return given
    scalar = body.scalar(name)
    if scalar is None:
        return next((base / folder for folder in usual if (base / folder).is_dir()), base / usual[0])
    folder = base / scalar.text
    if not folder.is_dir():
        findings.add(
            codes.NO_FOLDER, f"there is no folder `{folder}`", scalar.span, hint="create it, or correct the path"
        )
    return folder


def _kafka(body: Read, findings: Findings) -> dict[str, str | int | float | bool]:
    options: dict[str, str | int | float | bool] = {}
    for key, node in body.entries("kafka"):
        if key.text not in ALLOWED:
            _refuse_option(key, findings)
        elif not isinstance(node, Scalar) or node.value is None:
            findings.add(codes.WRONG_TYPE, f"`{key.text}` needs a value", node.span)
        else:
            options[key.text] = _option_value(node)
    return options


def _option_value(scalar: Scalar) -> str | int | float | bool:
    """Numbers and truth values as such, but nothing that printing changes: the password `0123` stays as it is."""
    value = scalar.value
    if value is None or (not isinstance(value, bool) and str(value) != scalar.text):
        return scalar.text
    return value


def _refuse_option(key: Scalar, findings: Findings) -> None:
    reason = refusal(key.text)
    if reason:
        message = f"the Kafka option `{key.text}` is refused: {reason}"
        findings.add(codes.FORBIDDEN_OPTION, message, key.span, hint="take it out")
        return
    hint = _SERVERS.get(key.text) or did_you_mean(key.text, ALLOWED) or "docs list the options that are passed on"
    findings.add(codes.UNKNOWN_OPTION, f"the Kafka option `{key.text}` is not passed on", key.span, hint=hint)


def _listen(body: Read, default: str, findings: Findings) -> str:
    scalar = body.scalar("listen")
    if scalar is None:
        return default
    found = _ADDRESS.fullmatch(scalar.text)
    if found is None or int(found[2]) > 65_535:
        message = f"`listen` must be host:port, not `{scalar.text}`"
        findings.add(codes.BAD_ADDRESS, message, scalar.span, hint=f"for example `{default}`")
    return scalar.text


def _topics(body: Read, findings: Findings) -> Topics:
    node = body.values.get("topics")
    if not isinstance(node, Mapping):
        return Topics()
    topics = read(node, settings_spec.TOPICS, findings)
    written = {name: topics.text(name) for name in settings_spec.TOPICS.names if name in topics}
    if written.get("enriched") == "off":
        written["enriched"] = ""
    return Topics(**written)


def _self_alerts(body: Read, findings: Findings) -> SelfAlerts:
    node, default = body.values.get("self_alerts"), SelfAlerts()
    if not isinstance(node, Mapping):
        return default
    given = read(node, settings_spec.SELF_ALERT, findings)
    return SelfAlerts(
        never=frozenset(scalar.text for scalar in given.scalars("never")),
        heartbeat_every_ms=given.duration("heartbeat_every", default.heartbeat_every_ms),
        quiet_ms=given.duration("quiet", default.quiet_ms),
        worker_down_ms=given.duration("worker_down", default.worker_down_ms),
        input_outpaces_ms=given.duration("input_outpaces", default.input_outpaces_ms),
        watermark_lag_ms=given.duration("watermark_lag", default.watermark_lag_ms),
        lso_lag_ms=given.duration("lso_lag", default.lso_lag_ms),
        commit_stuck_ms=given.duration("commit_stuck", default.commit_stuck_ms),
        snapshot_age_ms=given.duration("snapshot_age", default.snapshot_age_ms),
        model_hold_ms=given.duration("model_hold", default.model_hold_ms),
        rules_stale_ms=given.duration("rules_stale", default.rules_stale_ms),
        table_stale_ms=given.duration("table_stale", default.table_stale_ms),
        late_share=given.share("late_share", default.late_share),
        dead_letter_share=given.share("dead_letter_share", default.dead_letter_share),
        disk_free=given.share("disk_free", default.disk_free),
        fd_free=given.share("fd_free", default.fd_free),
    )


def _source(key: Scalar, node: Mapping, findings: Findings) -> SourceDraft:
    body = read(node, settings_spec.SOURCE, findings)
    default = Source(key.text, "")
    _check_format(body, findings)
    fields = _fields(body, findings)
    source = Source(
        name=key.text,
        topic=body.text("topic"),
        format=body.text("format", default.format),
        time=body.text("time", default.time),
        time_unit=body.text("unit"),
        max_delay_ms=body.duration("max_delay", default.max_delay_ms),
        drops_late=body.text("late") == "drop",
        idle_after_ms=body.duration("idle_after", default.idle_after_ms),
        key=body.text("key"),
        fields=fields,
        sample=body.share("sample", default.sample),
        enrich=tuple(Enrichment(table.text, on.text) for table, on in body.entries("enrich") if isinstance(on, Scalar)),
        strict=body.truth("strict"),
        emit_enriched=body.truth("emit_enriched"),
    )
    _check_special_fields(source, body, findings)
    if source.sample < 1 and not source.key:
        hint = "add `key:`, the field by which the topic is partitioned"
        findings.add(
            codes.MISSING_FIELD,
            "`sample` keeps a share of the keys, but the source has no `key`",
            body.key("sample"),
            hint=hint,
        )
    return SourceDraft(source, body)


def _check_format(body: Read, findings: Findings) -> None:
    scalar = body.scalar("format")
    if scalar is not None and scalar.text in settings_spec.LATER_FORMATS:
        hint = "write `format: json`"
        findings.add(codes.NOT_SUPPORTED_YET, f"`format: {scalar.text}` is not supported yet", scalar.span, hint=hint)


def _fields(body: Read, findings: Findings) -> dict[str, FieldDeclaration]:
    found: dict[str, FieldDeclaration] = {}
    for key, node in body.entries("fields"):
        if isinstance(node, Scalar):
            found[key.text] = FieldDeclaration(_KINDS.get(node.text, NUMBER), node.text == "counter")
        elif isinstance(node, Mapping):
            declared = read(node, settings_spec.FIELD, findings)
            per = tuple(scalar.text for scalar in declared.scalars("per"))
            word = declared.text("type")
            for name in ("per", "gap", "bits"):
                if name in declared and word != "counter":
                    hint = f"write `type: counter`, or take `{name}:` out"
                    findings.add(codes.EXCLUSIVE_FIELDS, f"`{name}` belongs to counters", declared.key(name), hint=hint)
            found[key.text] = FieldDeclaration(
                unit_type(declared, word, findings),
                word == "counter",
                per,
                declared.duration("gap", COUNTER_GAP_MS),
                int(declared.text("bits", "0")),
            )
    return found


def unit_type(declared: Read, word: str, findings: Findings) -> Type:
    """The type of a declaration with `type` and `unit`."""
    base = _KINDS.get(word, NUMBER)
    unit = declared.scalar("unit")
    if unit is None:
        return base
    canonical = units.canonical(unit.text)
    if canonical is None:
        hint = units.suggest(unit.text) or "such as percent, ratio, ms, s, bytes, MiB, bit/s, dB"
        findings.add(codes.BAD_UNIT, f"`{unit.text}` is no unit", unit.span, hint=hint)
        return base
    if base is not NUMBER:
        findings.add(codes.BAD_UNIT, f"a {word} has no unit", unit.span, hint="take `unit:` out")
        return base
    return Type(NUMBER.kind, canonical)


def _check_special_fields(source: Source, body: Read, findings: Findings) -> None:
    """The fields that time, key and joins read must be there, and of a kind that serves."""
    joins = [(joined.on, f"the join with `{joined.table}`") for joined in source.enrich]
    places = [on for _, on in body.entries("enrich")]
    named = [(source.time, "the time"), (source.key, "the key"), *joins]
    nodes = [body.scalar("time"), body.scalar("key"), *places]
    for (name, what), node in zip(named, nodes, strict=True):
        if node is None or is_empty(node) or (what == "the time" and name == "kafka"):
            continue
        declared = source.fields.get(name)
        if declared is not None and declared.type.kind is BOOL.kind:
            message = f"`{name}` is declared as bool and can't be {what}"
            findings.add(codes.SPECIAL_FIELD, message, node.span, hint="declare it as string or number")
        near = [other for other in source.fields if one_edit(name, other)]
        if declared is None and near:
            hint = f"did you mean `{near[0]}`?"
            findings.add(codes.SPECIAL_FIELD, f"`{name}` is not declared in `fields:`", node.span, hint=hint)
