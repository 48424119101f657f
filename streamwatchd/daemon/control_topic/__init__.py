"""What other programs say over a topic: silences, acknowledgements, and verdicts on alarms.

    listener ─▶ records (checked) ─▶ effects ─▶ the commands of the socket, or the book of verdicts
        └─ position: where it stands, which ids it has had        refused ─▶ dead letters

One host listens, that whose changes hold for all. Nothing here is waited for by the supervisor.
"""
