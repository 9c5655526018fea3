"""Proofs on the real thing: a worker in a process of its own, a real Kafka, a real RocksDB."""
