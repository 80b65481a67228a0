"""The demonstration: a year of real data through the whole of it."""
