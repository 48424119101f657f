"""Spoilt files of a state folder: none is believed, and none does harm."""
