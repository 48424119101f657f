"""Which version of a model an anomaly rule takes: the newest good one that can be trusted and fits.

What does not fit is told, and refuses nothing else: the rule goes on with an older version, or with no score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamwatchd.diagnostics import Span, did_you_mean
from streamwatchd.errors import ModelRejected
from streamwatchd.lang.units import format_duration
from streamwatchd.models import open_model
from streamwatchd.repository.catalog import Candidate, Catalog
from streamwatchd.repository.manifest import Manifest
from streamwatchd.repository.store import ModelData
from streamwatchd.rules import codes
from streamwatchd.rules.form import Findings
from streamwatchd.rules.ruleset import Anomaly


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rule says `model:` and `features:`."""

    model: Span
    features: Span


def choose(rule: Anomaly, catalog: Catalog, findings: Findings, places: Places) -> Candidate | None:
    """The version for a rule, None where there is none; what is wrong with newer ones is told."""
    unfit: list[tuple[Candidate, str, str]] = []
    for candidate in catalog.candidates(rule.model):
        problem = next(_problems(rule, candidate), None)
        if problem is None:
            _tell(unfit, f"{candidate.id} goes on", findings, places)
            assert candidate.data is not None
            _check_step(rule, candidate.data.manifest, findings, places)
            return candidate
        unfit.append((candidate, *problem))
    if unfit:
        _tell(unfit, "until one fits the score is null", findings, places)
    else:
        _missing(rule, catalog, findings, places)
    return None


def shadow(rule: Anomaly, catalog: Catalog, chosen: Candidate | None) -> Candidate | None:
    """The newest version on trial that fits and is newer than what scores; none beside a pinned one."""
    if "@" in rule.model:
        return None
    on_trial = catalog.shadows(rule.model, 0 if chosen is None else chosen.version)
    return next((each for each in on_trial if _fits(rule, each)), None)


def fitting(rule: Anomaly, catalog: Catalog) -> ModelData | None:
    """The same without a word."""
    return next((each.data for each in catalog.candidates(rule.model) if _fits(rule, each)), None)


def _fits(rule: Anomaly, candidate: Candidate) -> bool:
    return next(_problems(rule, candidate), None) is None


def _problems(rule: Anomaly, candidate: Candidate) -> Iterator[tuple[str, str]]:
    """(code, message) of what speaks against a version."""
    if candidate.data is None:
        yield codes.MODEL_REJECTED, candidate.problem
        return
    manifest = candidate.data.manifest
    try:
        open_model(candidate.data)
    except ModelRejected as error:
        yield codes.MODEL_REJECTED, str(error)
        return
    if manifest.feature_names != rule.features:
        theirs, ours = ", ".join(manifest.feature_names), ", ".join(rule.features)
        yield codes.MODEL_UNFIT, f"it was trained on [{theirs}], not on [{ours}]"
        return
    for feature, type_ in zip(manifest.features, rule.feature_types, strict=True):
        if feature.unit != type_.unit:
            units = f"{feature.unit or 'no unit'}, here it has {type_.unit or 'none'}"
            yield codes.MODEL_UNFIT, f"it was trained with `{feature.name}` in {units}"
    if rule.missing == "center" and "center" not in candidate.data.arrays:
        yield codes.MODEL_UNFIT, "it has no middle of its training, which `missing: center` asks for"


def _tell(unfit: list[tuple[Candidate, str, str]], goes_on: str, findings: Findings, places: Places) -> None:
    for candidate, code, message in unfit:
        span = places.features if code == codes.MODEL_UNFIT else places.model
        if code == codes.MODEL_UNFIT:
            train = f"swctl model train {candidate.name} --rule {findings.rule} --from RECORDING"
            hint = f"{goes_on}; change `features:`, or train a version for them: `{train}`"
        else:
            hint = f"{goes_on}; write the version anew, or take it back: `swctl model rollback {candidate.name}`"
        findings.add(code, f"the model {candidate.id} can't be used: {message}", span, hint=hint)


def _missing(rule: Anomaly, catalog: Catalog, findings: Findings, places: Places) -> None:
    name, _, pinned = rule.model.partition("@")
    versions = catalog.versions(name)
    train = f"train one: `swctl model train {name} --rule {rule.name} --from RECORDING`"
    if catalog.trouble:
        message = f"the repository of models does not answer: {catalog.trouble}"
        findings.warn(codes.MODEL_MISSING, message, places.model, hint="what was in force goes on")
    elif pinned and versions and int(pinned) not in versions:
        hint = f"it has {', '.join(map(str, versions[-12:]))}"
        findings.add(codes.MODEL_MISSING, f"the model `{name}` has no version {pinned}", places.model, hint=hint)
    elif versions:
        message = f"the model `{name}` has no good version, so the score is null"
        hint = f"promote one: `swctl model promote {name}`; or {train}"
        findings.warn(codes.MODEL_MISSING, message, places.model, hint=hint)
    else:
        message = f"there is no model `{name}` in {catalog.shown} yet, so the score is null"
        findings.warn(codes.MODEL_MISSING, message, places.model, hint=did_you_mean(name, catalog.names()) or train)


def _check_step(rule: Anomaly, manifest: Manifest, findings: Findings, places: Places) -> None:
    if rule.every_ms and manifest.every_ms != rule.every_ms:
        trained, scored = format_duration(manifest.every_ms), format_duration(rule.every_ms)
        message = f"{manifest.id} was trained on a vector every {trained}, this rule scores one every {scored}"
        hint = "its scores may mean something else; train a version for this step"
        findings.warn(codes.MODEL_STEP, message, places.model, hint=hint)
