"""What the weeks taught, for the people of the store: by schedule, from sums that are nobody's."""
