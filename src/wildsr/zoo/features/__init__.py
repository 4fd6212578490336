"""Feature networks of losses and metrics (VGG, LPIPS) and their weight files."""
