"""The world outside as small protocols: Kafka, disk, clock, telemetry. Each is real, and fake with faults on demand."""
