"""What the store's own tools are told: signed webhooks out, each event once under its id."""
