"""Published data sets on this machine: downloading, unpacking, checking and arranging them. Imports no torch."""
