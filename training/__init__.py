"""Makes what ships: `train_bundled.py` the classifier, `tune_writer.py` the report writer's adapter."""
