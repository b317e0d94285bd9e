"""What becomes of feedback: what it says of the customer, one fitting offer, or a rescue with its clock."""
