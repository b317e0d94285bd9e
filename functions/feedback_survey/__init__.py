"""Asks how it was, reads what customers write, and proposes what follows from it."""
