"""The slowest correct answer, from the source topics: plain lists and dicts. It imports nothing of ours; what it knows stands in docs/."""
