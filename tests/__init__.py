"""A package, so that it is ours: iterative-stratification installs a `tests` of its own beside its code."""
