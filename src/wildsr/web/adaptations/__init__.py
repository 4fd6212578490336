"""The tab "My camera": adaptations of a model to the photos of one camera, under ``/v1/adaptations``."""
