"""``python -m wildsr``."""

from wildsr.cli.main import app

app()
