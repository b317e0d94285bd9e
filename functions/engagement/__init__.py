"""What became of a message: the provider's own events, settled on the ledger and on the customer's consent."""
