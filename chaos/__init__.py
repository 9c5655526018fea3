"""Accidents on purpose, on a real Kafka: load, faults by a seed, and an oracle that shares no code with what it judges."""
