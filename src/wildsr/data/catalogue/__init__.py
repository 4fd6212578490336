"""Facts about published data sets: what they are, where their files lie and how these are named. Imports no torch."""
