"""The demo: broker, daemon and traffic together, watched from the output topics, judged at the end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamwatchd.demo.daemon import Daemon, command
from streamwatchd.demo.feed import PARTITIONS, Feed
from streamwatchd.demo.follow import Outputs
from streamwatchd.demo.incidents import PAST_SECONDS
from streamwatchd.demo.project import Project, prepare
from streamwatchd.demo.show import Ink, Progress, Screen, Show, clock, summary
from streamwatchd.demo.traffic import Nature, Shape, Traffic, generate
from streamwatchd.demo.verdict import Verdict, judge
from streamwatchd.errors import Unavailable
from streamwatchd.ports.embedded import EmbeddedBroker
from streamwatchd.ports.kafka import Kafka, NewTopic
from streamwatchd.ports.librdkafka import Librdkafka

FRAME_SECONDS = 0.2
QUIET_SECONDS = 4.0
MOST_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to play: `kafka` is host:port of a broker or empty for the embedded one, `wall_seconds` the film's length."""

    kafka: str = ""
    seed: int = 1
    seconds: int = 1_800
    rate: float = 150.0
    wall_seconds: float = 45.0


def play(wanted: Wanted, show: Show) -> Verdict:
    """Raises Unavailable when broker or daemon give up, UnreadableInput when the shipped project is not there."""
    start_ms = past_ms(wanted.seconds)
    shape = Shape(start_ms, wanted.seconds, wanted.rate, wanted.seed, past_seconds=PAST_SECONDS)
    with tempfile.TemporaryDirectory(prefix="streamwatchd-demo-") as folder, ExitStack() as stack:
        kafka, servers = stack.enter_context(_broker(wanted.kafka))
        project = prepare(Path(folder), servers, _prefix(wanted.kafka))
        traffic = generate(shape)
        show.say(_headline(wanted, traffic, servers, project))
        _create_topics(kafka, project, servers)
        daemon = stack.enter_context(
            Daemon(command(project.config, embedded=not wanted.kafka), project.port, Path(folder) / "daemon.log")
        )
        daemon.wait_until_ready()
        return _run(wanted, traffic, kafka, project, daemon, show)


def past_ms(seconds: int) -> int:
    """Where traffic of that length starts: on full five minutes of the past, as no event may come from the future.

    So the first window of every rule is a whole one.
    """
    return (time.time_ns() // 1_000_000 - 1000 * seconds) // 300_000 * 300_000


@contextmanager
def _broker(servers: str) -> Iterator[tuple[Kafka, str]]:
    if servers:
        yield Librdkafka({"bootstrap.servers": servers}), servers
        return
    with EmbeddedBroker() as broker:
        yield broker.kafka(), broker.bootstrap


def _prefix(servers: str) -> str:
    """On a broker that may have seen a demo before, topics and group of this run's own."""
    return f"demo-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}." if servers else ""


def _headline(wanted: Wanted, traffic: Traffic, servers: str, project: Project) -> str:
    broker = f"the broker at {servers}" if wanted.kafka else "the embedded broker"
    topics = project.settings.topics
    return (
        f"streamwatchd demo: {wanted.seconds // 60} minutes of telecom traffic in {wanted.wall_seconds:.0f} s, "
        f"{len(traffic):,} events of {len(traffic.sources)} sources through {broker}\n"
        f"rules in force: {', '.join(sorted(project.rules))}\n"
        f"alerts on {topics.alerts}, KPIs on {topics.kpis}"
        f"{', topics of this run alone, which stay' if wanted.kafka else ''}; times are event time, UTC"
    )


def _create_topics(kafka: Kafka, project: Project, servers: str) -> None:
    topics = project.settings.topics
    outputs = (topics.alerts, topics.kpis, topics.late, topics.dead_letters, topics.of_self_alerts)
    try:
        admin = kafka.admin()
        admin.ensure_topics(NewTopic(name, PARTITIONS) for name in (*project.topics.values(), *outputs))
        admin.close()
    except Unavailable as problem:
        raise Unavailable(f"the broker at {servers} does not answer: {problem}") from problem


def _run(wanted: Wanted, traffic: Traffic, kafka: Kafka, project: Project, daemon: Daemon, show: Show) -> Verdict:
    shape = traffic.shape
    reader, writer = kafka.reader(), kafka.plain_writer()
    outputs = Outputs(reader, kafka.admin(), project.settings.topics)
    feed = Feed(traffic, writer, project.topics)
    began = time.monotonic()
    while not feed.done and (elapsed := time.monotonic() - began) < wanted.wall_seconds:
        daemon.check()
        feed.up_to(shape.start_ms + round(1000 * shape.seconds * elapsed / wanted.wall_seconds))
        _show(feed, traffic, outputs, began, show)
    feed.finish()
    _wait_for_the_last(daemon, feed, traffic, outputs, began, show)
    show.end()
    verdict = judge(traffic.incidents, project.rules, shape.start_ms, outputs.alerts, list(outputs.kpis.values()))
    for line in summary(verdict, _counts(traffic, feed, outputs, began), Ink(isinstance(show, Screen))):
        show.say(line)
    reader.close()
    writer.close()
    return verdict


def _show(feed: Feed, traffic: Traffic, outputs: Outputs, began: float, show: Show) -> None:
    fresh = outputs.poll(FRAME_SECONDS)
    shape = traffic.shape
    share = (feed.at_ms - shape.start_ms) / (1000 * shape.seconds)
    show.update(Progress(feed.at_ms, share, feed.sent, len(traffic), time.monotonic() - began), outputs, fresh)


def _wait_for_the_last(
    daemon: Daemon, feed: Feed, traffic: Traffic, outputs: Outputs, began: float, show: Show
) -> None:
    """Until all that was injected has come out and nothing has come for a while: all there is has been worked off."""
    started = last = time.monotonic()
    seen = outputs.total()
    while (now := time.monotonic()) - started < MOST_WAIT_SECONDS:
        if now - last >= QUIET_SECONDS and _all_accounted_for(traffic, outputs):
            return
        daemon.check()
        _show(feed, traffic, outputs, began, show)
        if outputs.total() != seen:
            seen, last = outputs.total(), now


def _all_accounted_for(traffic: Traffic, outputs: Outputs) -> bool:
    late, flawed = traffic.count(Nature.LATE), traffic.count(Nature.FLAWED)
    return outputs.late() >= late and outputs.dead_letters() >= flawed


def _counts(traffic: Traffic, feed: Feed, outputs: Outputs, began: float) -> Iterator[tuple[str, str]]:
    late, flawed = traffic.count(Nature.LATE), traffic.count(Nature.FLAWED)
    last = outputs.event_ms()
    yield "alarms", f"{outputs.begun()} raised, in {len(outputs.alerts)} lifecycle events"
    yield "KPI rows", f"{len(outputs.kpis):,}" + (f", windows up to {clock(last)}" if last else "")
    yield "late events", f"{outputs.late()} of {late} injected"
    yield "dead letters", f"{outputs.dead_letters()} of {flawed} injected"
    if not _all_accounted_for(traffic, outputs):
        yield (
            "unfinished",
            f"{MOST_WAIT_SECONDS:.0f} s after the last event the daemon was not through: a busy machine?",
        )
    yield "played", f"{feed.sent:,} events in {time.monotonic() - began:.0f} s"
