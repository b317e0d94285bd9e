"""The outbox to the bus: the only function that puts on the aftercare bus."""
