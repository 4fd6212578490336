"""HR to LR: ``sample(rng)`` draws parameters, ``apply(images, parameters)`` uses them."""
