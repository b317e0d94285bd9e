"""What the capabilities' evaluations share. It runs where the store's history lies and stays out of the built layer."""
