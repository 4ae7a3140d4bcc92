"""A `Prediction` in one legend becomes a `Prediction` in another."""
