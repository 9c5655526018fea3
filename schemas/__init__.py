"""The shapes of what crosses a room: events, rows, verdicts, decisions, control; the errors; the topics. Imports nothing of ours."""
