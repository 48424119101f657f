"""The daemon watches itself: conditions on its own metrics become alerts, and a heartbeat says that it is there.

    metrics ─▶ sight ─▶ conditions ─▶ watch ─▶ documents ─▶ post ─▶ Kafka

Nothing here is part of what the laws speak of: it goes by the wall clock, beside the transactions of the workers.
"""
