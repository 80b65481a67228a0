"""Record runs: everything that touches the insides of Faust is here."""
