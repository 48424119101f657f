"""Thousands of reloads of good, torn, empty and broken files under traffic, held to a model that knows each file."""
