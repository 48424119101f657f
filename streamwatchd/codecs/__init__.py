"""Codecs: bytes of a topic → columns, one wire format per file."""
