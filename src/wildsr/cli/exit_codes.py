"""What the commands end with."""

FAILED = 1
"""Something, or some images, could not be done."""
USAGE = 2
"""Nothing was tried: the command line is wrong."""
INTERRUPTED = 130
"""By Ctrl-C; other signals add their number to :data:`SIGNALLED`."""
SIGNALLED = 128
