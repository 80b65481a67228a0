"""Without Kafka: files of events."""
