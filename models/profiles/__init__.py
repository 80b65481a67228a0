"""Profiles: packed states, decay, features at a time."""
