"""Figures of rules, each changed by a step that matters: some test must notice."""
