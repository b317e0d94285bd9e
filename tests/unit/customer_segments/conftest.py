from tests.small_outside import small  # noqa: F401 - a fixture
