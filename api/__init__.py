"""The HTTP API: receives studies, answers polls, hands out findings and reports. `main.py` is its map."""
