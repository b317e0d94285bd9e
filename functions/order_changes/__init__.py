"""One message for each change of an order that its customer should know of: undone, refunded, edited, sent, returned, renewed."""
