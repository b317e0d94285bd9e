"""People's legal requests carried out: erasure in steps that may be repeated, and the mail that leads to one's own data."""
