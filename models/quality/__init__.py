"""Quality of probabilities against what came."""
