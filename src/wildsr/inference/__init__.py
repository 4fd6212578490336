"""A Model at work on whole pictures: tiles, engines, self-ensemble, back-projection."""
