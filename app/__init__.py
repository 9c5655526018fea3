"""Builds a worker from settings; the commands. Nothing of a transaction happens here; nobody imports it."""
