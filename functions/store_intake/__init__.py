"""What senders tell: verified, read as facts, and recorded with their events in one transaction."""
