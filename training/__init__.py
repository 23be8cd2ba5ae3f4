"""Trains chest radiograph classifiers, and makes what ships.

datasets/ -> table.py (one unified table) -> splits.py, leaks.py -> store.py (images) -> train.py -> export.py
what is learnt: policies.py (targets), losses/ (what is minimised), sampling.py (which images, in which order)
bundled/   the classifier that ships (`train_bundled.py`)
writer/    the adapter of the report writer that ships (`tune_writer.py`)
scoring/   any bundle on any folder (`evaluate.py`)
"""
