"""The words that all functions share: facts, events, the customer's record, consent, proposals, settlements, keys, ports."""
