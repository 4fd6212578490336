"""HTTP service and page: ``wildsr web``. Needs the ``web`` extra; imported by its command only."""
