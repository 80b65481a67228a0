"""Scoring: probabilities, ranks, factors and their wording, the score record."""
