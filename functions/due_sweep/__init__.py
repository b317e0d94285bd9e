"""What somebody must come back to: nothing that is due is forgotten, whatever dropped on the way."""
