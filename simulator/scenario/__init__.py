"""Journeys of a store as files: who orders what and when, what the store's senders tell, and what must come of it."""
