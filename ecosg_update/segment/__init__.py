"""`Reflectance` becomes a `Prediction`: the only home of torch."""
