"""Learning: features, scaler, learner, trainer, snapshots."""
