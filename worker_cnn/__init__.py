"""The CNN worker: `main.py` starts it, `tasks.py` is its shell, `pipeline.py` its heart."""
