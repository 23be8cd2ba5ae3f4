"""The commands, one file for each noun: stack, studies, batches, models, keys, demo."""
