"""What no server can beat: the same work without a server around it."""
