"""The one place that settles proposals, and the only one that may send."""
