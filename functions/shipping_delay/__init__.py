"""Says before the customer asks: milestones of a parcel, its forecast, and one notice where silence would cost more."""
