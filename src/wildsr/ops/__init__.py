"""Pure tensor functions: no state, no files, randomness only from a generator that is passed in."""
