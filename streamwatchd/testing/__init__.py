"""Whole programs on one thread, with no broker and no clock: dry runs, tests of rules, and our own tests."""
