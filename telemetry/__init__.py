"""Metrics, logs, health. Imports nothing of ours."""
