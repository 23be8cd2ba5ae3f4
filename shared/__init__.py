"""What the services share, and only that. Start with `domain.py`, then `studies.py`."""
