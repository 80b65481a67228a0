"""Experience events: parsing with limits, and conditions compiled once."""
