"""The images: their Dockerfiles, and the commands that only containers need."""
