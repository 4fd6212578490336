"""``python -m wildsr``."""

from wildsr.cli.main import main

main()
