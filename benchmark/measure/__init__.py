"""From a trained model to scores: encoding, densities, metrics, references, pictures."""
