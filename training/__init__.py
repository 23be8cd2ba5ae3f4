"""Trains chest radiograph classifiers, and makes what ships.

datasets/ -> table.py (one unified table) -> splits.py, leaks.py -> squares.py, store.py (images)
what is learnt: policies.py (targets), losses/ (what is minimised), sampling.py (which images, in which order)
architectures/, recipes/   the papers' networks, and how each is trained
fitting/     from a recipe to fitted networks (`train.py`)
exporting/   from these to a bundle (`export.py`)
bundled/     the pool and the gate of what ships (`train_bundled.py`)
writer/      adapters of report writers: what ships (`tune_writer.py`), what does not (`train_writer.py`)
reports/     real reports, and what writers make of their findings (`measure_reports.py`)
describing/  what is in a data set, and what is wrong with it (`data.py`)
scoring/     any bundle on any folder (`evaluate.py`); trained on some sources, tested on others (`matrix.py`)
"""
