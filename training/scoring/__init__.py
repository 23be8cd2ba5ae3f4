"""What `training.evaluate` asks: a table of labels, the files that it means, the worker's judgement."""
