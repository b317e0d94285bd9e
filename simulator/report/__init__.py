"""What a run came to, for people: decision records in words, and one page with timeline and messages."""
