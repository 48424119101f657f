"""Which rules of a world have nothing to do with each other, and what they alone say."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.oracle.compare import Plain
from tests.oracle.random_rules import World

FIELDS = {"site": "string", "y": "{type: float}", "ok": "bool", "n": "int", "kind": "string"}


def declared(world: World) -> World:
    """What an undeclared field is depends on all the rules that read it: no rule is unrelated then."""
    more = "".join(f"    {name}: {kind}\n" for name, kind in FIELDS.items())
    bare = world.sources.replace(more, "")
    return replace(world, sources=bare.replace("    x: float\n", f"    x: float\n{more}"))


def closed(world: World, chosen: set[str]) -> dict[str, str]:
    """In the order of the world, so that only the choice differs."""
    while True:
        read = {name for name in world.rules if any(reads(world.rules[rule], name) for rule in chosen)}
        if read <= chosen:
            return {name: text for name, text in world.rules.items() if name in chosen}
        chosen |= read


def reads(text: str, name: str) -> bool:
    sources = [line for line in text.splitlines() if line.strip().startswith("source:")]
    if f"firing({name})" in text:
        return True
    return any(name in line.replace("[", " ").replace("]", " ").replace(",", " ").split() for line in sources)


def only(found: dict[str, list[Plain]], names: set[str]) -> dict[str, list[Plain]]:
    alerts = [alert for alert in found["alerts"] if alert["rule"] in names]
    kpis = [row for row in found["kpis"] if row["kpi"] in names]
    anomalies = [row for row in found.get("anomalies", []) if row["anomaly"] in names]
    return found | {"alerts": alerts, "kpis": kpis, "anomalies": anomalies}


def alone(world: World, seed: int) -> World:
    """Some of the rules with the KPIs that they read; the others are unrelated to them, as every field is declared."""
    rng = random.Random(seed)
    chosen = {name for name in world.rules if rng.random() < 0.5} or {next(iter(world.rules))}
    return replace(world, rules=closed(world, chosen))


def halves(world: World, seed: int) -> list[World]:
    """The rules that stay, with some of the others."""
    rng = random.Random(seed + 1)
    stay = alone(world, seed).rules
    return [
        replace(world, rules=closed(world, {*stay, *(name for name in world.rules if rng.random() < 0.5)}))
        for _ in range(2)
    ]
