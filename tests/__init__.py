"""Tests mirror the tree; each name states the rule it holds to."""
