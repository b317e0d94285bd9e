"""A reminder when what was ordered is about to run out: one wait for each order and product family, decided again at its end."""
