"""From photographs to what spoiled them: blur kernels, noise patches, clean-up."""
