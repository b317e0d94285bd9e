"""Reads a customer's words: which language, how they feel, what they speak of. No call leaves the function."""
