"""Small trees in the exact layout that each data set is published in, one module a data set.

Each is written from the documentation that its docstring names, not from what the adapter reads; the images
are the samples and, where there are some, real radiographs (`pictures.py`).
"""
