"""One adapter a data set, each from its published layout to `training/table.py`."""
