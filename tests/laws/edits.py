"""Random edits of random rules, as people make them: thresholds, holds, windows, filters, keys, names, whole rules."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from streamwatchd.compiler import Compiled
from tests.laws.models import compile_with_models
from tests.laws.neighbours import reads
from tests.oracle.random_pauses import pausing
from tests.oracle.random_rules import World
from tests.oracle.world import write_project

Rules = dict[str, str]


def histories(world: World, rng: random.Random, count: int) -> list[Compiled]:
    """The world's rules and edits of them, one after the other, some of them taken back; each can run."""
    with tempfile.TemporaryDirectory() as folder:
        texts = [world.rules]
        found = [_compiled(world, world.rules, Path(folder) / "0")]
        assert found[0] is not None
        for number in range(1, count):
            rules = rng.choice(texts) if rng.random() < 0.25 else edited(texts[-1], rng)
            compiled = _compiled(world, rules, Path(folder) / str(number), rng.choice((0, 0, 1)))
            if compiled is not None:
                texts.append(rules)
                found.append(compiled)
    return [each for each in found if each is not None]


def _compiled(world: World, rules: Rules, folder: Path, generation: int = 0) -> Compiled | None:
    """None where the edit makes no sense. Models have a generation of their own, so that they change too."""
    compiled = compile_with_models(
        write_project(folder, world.sources, rules, world.tables, world.calendars, world.silences), generation
    )
    return None if any(each.is_error for each in compiled.loaded.diagnostics) else compiled


def edited(rules: Rules, rng: random.Random) -> Rules:
    """One to three edits."""
    for _ in range(rng.randrange(1, 4)):
        rules = rng.choice(_EDITS)(dict(rules), rng)
    return rules


def _on_text(change: Callable[[str, random.Random], str]) -> Callable[[Rules, random.Random], Rules]:
    def edit(rules: Rules, rng: random.Random) -> Rules:
        if rules:
            name = rng.choice(sorted(rules))
            rules[name] = change(rules[name], rng)
        return rules

    return edit


def _somewhere(pattern: str, text: str, rng: random.Random, new: Callable[[re.Match[str]], str]) -> str:
    found = list(re.finditer(pattern, text))
    if not found:
        return text
    match = rng.choice(found)
    return text[: match.start()] + new(match) + text[match.end() :]


def _threshold(text: str, rng: random.Random) -> str:
    return _somewhere(r"(?<=[<>] )\d+", text, rng, lambda _: str(rng.choice((0, 1, 3, 20, 60))))


def _duration(text: str, rng: random.Random) -> str:
    """A window, a step, a hold, a silence."""

    def scaled(match: re.Match[str]) -> str:
        value = int(match[2]) * rng.choice((1, 2, 3, 5))
        return f"{match[1]} {value if rng.random() < 0.6 else max(1, int(match[2]) // 2)}{match[3]}"

    return _somewhere(r"(over|for|after|every:|session:) (\d+)(ms|s|m|h)\b", text, rng, scaled)


def _severity(text: str, rng: random.Random) -> str:
    words = ("critical", "major", "minor", "warning", "info")
    return _somewhere(r"\b(critical|major|minor|warning|info)\b(?=:|\n)", text, rng, lambda _: rng.choice(words))


def _function(text: str, rng: random.Random) -> str:
    return _somewhere(r"\b(sum|avg|max|min|count)\((?=\w)", text, rng, lambda _: rng.choice(("sum(", "max(", "avg(")))


def _keys(text: str, rng: random.Random) -> str:
    return _somewhere(r"by: \[.*\]", text, rng, lambda _: f"by: [{rng.choice(('host', 'site', 'host, site'))}]")


def _filter(text: str, rng: random.Random) -> str:
    if "    where:" in text:
        return re.sub(r"    where:.*\n", "", text)
    condition = rng.choice(('kind == "k1"', 'kind == "k2"', "x > 20", 'site == "s1"'))
    return re.sub(r"(    source:.*\n)", lambda match: f"{match[1]}    where: '{condition}'\n", text, count=1)


def _words(text: str, rng: random.Random) -> str:
    text = _mode(_paused(_flapping(text)))
    return text if "labels:" in text else f"{text}    labels: {{edit: '{rng.randrange(9)}'}}\n"


def _flapping(text: str) -> str:
    """Other words of `flapping`, or none any more; drawn from the text, so that a seed means the edits that it did."""
    own = random.Random(text)
    words = own.choice(("    flapping: 2 changes in 5s\n", "    flapping: 3 changes in 2m until 1\n", ""))
    return re.sub(r"    flapping:.*\n", words, text)


def _paused(text: str) -> str:
    """Paused, or no more: one in three, drawn from the text as well."""
    if "    pause: " in text:
        return re.sub(r"    pause:.*\n", "", text) if random.Random(text + "pause").random() < 0.5 else text
    return pausing(text, 0.3)


def _mode(text: str) -> str:
    """Into shadow, or out of it: one in five, drawn from the text as well."""
    if "    mode: shadow\n" in text:
        return text.replace("    mode: shadow\n", "") if random.Random(text + "mode").random() < 0.5 else text
    return f"{text}    mode: shadow\n" if random.Random(text + "mode").random() < 0.2 else text


def _drop(rules: Rules, rng: random.Random) -> Rules:
    """A rule that nobody reads goes."""
    free = [name for name in sorted(rules) if not any(reads(text, name) for text in rules.values())]
    if len(rules) > 1 and free:
        del rules[rng.choice(free)]
    return rules


def _rename(rules: Rules, rng: random.Random) -> Rules:
    name = rng.choice(sorted(rules))
    new = f"{name}n"
    return {re.sub(rf"\b{name}\b", new, key): re.sub(rf"\b{name}\b", new, text) for key, text in rules.items()}


_EDITS = (
    *map(_on_text, (_threshold, _duration, _duration, _severity, _function, _keys, _filter, _words)),
    _drop,
    _rename,
)
