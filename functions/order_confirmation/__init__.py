"""At most one confirmation for each order that deserves one, with what its products ask for."""
