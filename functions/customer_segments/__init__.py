"""What each kind of buyer hears, whose interest rises, and who is worth a call."""
