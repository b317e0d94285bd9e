"""People's legal requests carried out: erasure of a person or a shop, in steps that may be repeated."""
