"""How customers are asked how it was, and what they say: one wait for each order that arrived, decided again at its end."""
