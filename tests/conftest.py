"""How all tests run: a property holds or does not; how long an example takes says something of the machine only."""

from hypothesis import settings

settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")
