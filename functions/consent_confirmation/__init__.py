"""A consent that waits: asked for once by mail to its own mailbox, reminded of once."""
