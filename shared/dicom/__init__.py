"""A file that nobody believes: what it is, its header, its undecoded pixel data."""
