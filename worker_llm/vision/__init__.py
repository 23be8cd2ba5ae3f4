"""The models that see, in this process and behind a server: how each is asked, and how its answer is read.

One small file a model. Every one of them makes `Question`s of a request and `Answer`s of what comes back
(`asking.py`); pictures go in and boxes come out by `frames.py`.
"""
