"""Where records come from and where messages go: librdkafka, and nothing that knows why."""
