"""A Model at work on whole images: tiles, engines, self-ensemble, back-projection."""
