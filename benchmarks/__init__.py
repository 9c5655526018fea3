"""What the published figures are measured with; `weir bench` runs it. Nothing in the tests asserts a time."""
