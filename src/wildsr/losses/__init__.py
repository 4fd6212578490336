"""Training losses: pixel, perceptual, adversarial."""
