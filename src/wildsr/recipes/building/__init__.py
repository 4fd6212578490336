"""From a recipe to what trains: networks, data, objective, run."""
