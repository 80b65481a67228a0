"""The pure core: everything that can be said without Kafka."""
