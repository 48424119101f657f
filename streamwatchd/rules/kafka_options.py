"""Which options of librdkafka may stand under `kafka:`.

Some of them run commands or load code (`plugin.library.paths`, `sasl.kerberos.kinit.cmd`), some belong to the engine
(offsets, transactions), so only what is listed is passed on. Names and meaning:
https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

from collections.abc import Mapping

CODE = "it loads or runs a program"
ENGINE = "the engine sets it, for exactly-once"

ALLOWED = frozenset(
    [
        "bootstrap.servers",
        "metadata.broker.list",
        "client.id",
        "client.rack",
        "client.dns.lookup",
        "broker.address.family",
        "broker.address.ttl",
        "broker.version.fallback",
        "api.version.request",
        "api.version.request.timeout.ms",
        "security.protocol",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.username",
        "sasl.password",
        "sasl.kerberos.service.name",
        "sasl.kerberos.principal",
        "sasl.kerberos.keytab",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.method",
        "sasl.oauthbearer.client.id",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.scope",
        "sasl.oauthbearer.extensions",
        "sasl.oauthbearer.token.endpoint.url",
        "ssl.ca.location",
        "ssl.ca.pem",
        "ssl.certificate.location",
        "ssl.certificate.pem",
        "ssl.key.location",
        "ssl.key.pem",
        "ssl.key.password",
        "ssl.keystore.location",
        "ssl.keystore.password",
        "ssl.crl.location",
        "ssl.cipher.suites",
        "ssl.curves.list",
        "ssl.sigalgs.list",
        "ssl.endpoint.identification.algorithm",
        "enable.ssl.certificate.verification",
        "https.ca.location",
        "fetch.min.bytes",
        "fetch.max.bytes",
        "fetch.wait.max.ms",
        "fetch.message.max.bytes",
        "max.partition.fetch.bytes",
        "fetch.error.backoff.ms",
        "fetch.queue.backoff.ms",
        "receive.message.max.bytes",
        "message.max.bytes",
        "queued.min.messages",
        "queued.max.messages.kbytes",
        "queue.buffering.max.messages",
        "queue.buffering.max.kbytes",
        "queue.buffering.max.ms",
        "linger.ms",
        "batch.size",
        "batch.num.messages",
        "compression.type",
        "compression.codec",
        "compression.level",
        "socket.timeout.ms",
        "socket.keepalive.enable",
        "socket.nagle.disable",
        "socket.send.buffer.bytes",
        "socket.receive.buffer.bytes",
        "socket.max.fails",
        "socket.connection.setup.timeout.ms",
        "connections.max.idle.ms",
        "reconnect.backoff.ms",
        "reconnect.backoff.max.ms",
        "retry.backoff.ms",
        "retry.backoff.max.ms",
        "request.timeout.ms",
        "metadata.max.age.ms",
        "topic.metadata.refresh.interval.ms",
        "topic.metadata.propagation.max.ms",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "delivery.timeout.ms",
        "message.timeout.ms",
        "transaction.timeout.ms",
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "check.crcs",
        "allow.auto.create.topics",
        "statistics.interval.ms",
        "log_level",
        "debug",
        "log.connection.close",
    ]
)

SECRET = frozenset(
    [
        "sasl.password",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.extensions",
        "ssl.key.pem",
        "ssl.key.password",
        "ssl.keystore.password",
    ]
)
"""Those whose values are never shown."""

FORBIDDEN: Mapping[str, str] = {
    "plugin.library.paths": CODE,
    "sasl.kerberos.kinit.cmd": CODE,
    "sasl.kerberos.min.time.before.relogin": "it belongs to `sasl.kerberos.kinit.cmd`, which runs a program",
    "ssl.engine.location": CODE,
    "ssl.providers": CODE,
    "ssl.engine.id": CODE,
    "opaque": "it is a pointer of the program",
    "enable.auto.commit": ENGINE,
    "enable.auto.offset.store": ENGINE,
    "auto.commit.interval.ms": ENGINE,
    "auto.offset.reset": "`start_from:` says it",
    "isolation.level": ENGINE,
    "transactional.id": "`app:` and the shard make it",
    "group.id": "`app:` says it",
    "group.instance.id": "`app:` and the shard make it",
    "enable.idempotence": ENGINE,
    "enable.partition.eof": ENGINE,
    "acks": ENGINE,
    "request.required.acks": ENGINE,
    "partitioner": ENGINE,
    "partition.assignment.strategy": ENGINE,
    "builtin.features": "librdkafka sets it",
    "message.copy.max.bytes": ENGINE,
    "retries": ENGINE,
    "message.send.max.retries": ENGINE,
}


def refusal(option: str) -> str:
    """Why a known option is refused; empty for one that is allowed or unknown."""
    return FORBIDDEN.get(option, "")
