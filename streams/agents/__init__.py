"""What happens to the runs of a topic: one module an agent."""
