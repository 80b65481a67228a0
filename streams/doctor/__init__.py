"""What can be wrong between a worker and its broker, looked at from outside, and what to do."""
