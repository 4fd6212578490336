"""Published degradations, one module each: how parameters are sampled, and how they are applied."""
