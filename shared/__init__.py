"""What the services share, and only that: the ground is flat, each room is a folder. Start at `domain/`."""
