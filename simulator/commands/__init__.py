"""The `aftercare` command: one module for each word behind it."""
