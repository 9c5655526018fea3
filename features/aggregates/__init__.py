"""Each aggregate in a file of its own: what it measures, its piece of a value, its compiled step."""
