"""How all tests run: a property holds or does not; how long an example takes says something of the machine only."""

import os

from hypothesis import settings

settings.register_profile("any-machine", deadline=None)
settings.register_profile("second-python", deadline=None, max_examples=25)
"""For a Python on which the rules are tried once more: what differs there differs for every example, or for none."""

settings.load_profile(os.environ.get("AFTERCARE_EXAMPLES", "any-machine"))
