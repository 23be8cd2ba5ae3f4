"""The report worker: findings to a verified report."""
