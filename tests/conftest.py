"""Hypothesis without deadlines: a law holds or it does not, however busy the machine is."""

from hypothesis import settings

settings.register_profile("laddvakt", deadline=None, print_blob=True)
settings.load_profile("laddvakt")
