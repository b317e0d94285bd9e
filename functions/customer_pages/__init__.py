"""What a link in a message opens: order status, preferences, withdrawal, the one-tap cue. GET shows, POST acts."""
