"""Recipes' networks: one module a family, each a `Classifier` of `base.py`; `registry.create` makes them."""
