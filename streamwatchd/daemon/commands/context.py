"""What commands have of the daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from streamwatchd.compiler import Compiled
from streamwatchd.control import CommandRefused
from streamwatchd.daemon.contents import ContentStore
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.reloader import Refusals, Reloader
from streamwatchd.daemon.spoken import Spoken
from streamwatchd.daemon.supervisor import Supervisor
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.kafka import Kafka
from streamwatchd.settings import Settings

T = TypeVar("T")


def _no_compiler(last_good: Mapping[str, bytes], spoken: bytes | None) -> Compiled:
    raise CommandRefused("the daemon compiles nothing yet", "not_ready")


@dataclass(frozen=True, slots=True)
class Context:
    """The daemon as it is while a command runs. `supervisor` and `reloader` are None until Kafka has answered.

    `pending_settings` are sentences on edits of the settings that wait for the next start. `wake` makes the supervisor
    look for what is asked of it. `spoken` are the silences that were said at run time; `leads` says whether this host
    puts changes in force. `compile` tries out files, with other silences. `dispositions` are
    counts of what people said of the alarms of each rule. `wrong_topics` says why of each topic that is not as it must
    be: those that are written to and, at a start, the sources'. `settling`: topics that have got more partitions, and
    from when on their keys are taken to lie elsewhere.
    """

    settings: Settings
    started_ms: int
    supervisor: Supervisor | None
    reloader: Reloader | None
    store: ContentStore
    refusals: Refusals
    metrics: Metrics
    kafka: Kafka
    disk: Disk
    clock: Clock
    log: Log
    wake: Callable[[], None]
    spoken: Spoken = field(default_factory=Spoken)
    leads: bool = True
    compile: Callable[[Mapping[str, bytes], bytes | None], Compiled] = _no_compiler
    pending_settings: Callable[[], Sequence[str]] = tuple
    dispositions: Callable[[], Mapping[str, Mapping[str, int]]] = dict
    wrong_topics: Callable[[], Mapping[str, str]] = dict
    settling: Callable[[], Mapping[str, str]] = dict

    def working(self) -> tuple[Supervisor, Reloader]:
        """Both of them, or a refusal that says what is waited for."""
        if self.supervisor is None or self.reloader is None:
            servers = self.settings.kafka.get("bootstrap.servers", "")
            raise CommandRefused(
                f"the daemon still waits for Kafka ({servers}) or its topics; see its log", "not_ready"
            )
        return self.supervisor, self.reloader

    def in_supervisor(self, job: Callable[[], T], timeout_s: float = 5.0) -> T:
        """What `job` gives, run in the supervisor's thread between two turns: quick things only."""
        supervisor, _ = self.working()
        future: Future[T] = supervisor.ask(job)
        self.wake()
        try:
            return future.result(timeout_s)
        except TimeoutError:
            if future.cancel():
                raise CommandRefused(f"the supervisor did not come to it within {timeout_s:.0f} s", "busy") from None
            return future.result()
