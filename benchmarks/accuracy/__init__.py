"""How far accuracy could go, and what of it is chance: beside other learners and other moments."""
