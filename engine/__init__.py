"""A task: fetch in, answers out. Start at task.py."""
