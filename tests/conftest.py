"""Hypothesis without deadlines: a law holds or it does not, however busy the machine is."""

from hypothesis import settings

settings.register_profile("laddvakt", deadline=None, print_blob=True)
settings.register_profile("mutants", deadline=None, max_examples=15)  # thousands of runs, each of a few seconds
settings.load_profile("laddvakt")
