"""What `training.train` does: from a recipe and tables to networks and what they say of every patient.

The way of a step: train.py -> recipe_run.py -> job.py, where the optimizer moves the weights. Beside it:

start.py       what the command's options say: the recipe, devices and processes
inputs.py      tables -> images, split, checked for leaks, with the targets of the recipe's policies
plan.py        recipe -> jobs, one a network (teachers, members of the ensemble, second stages)
learner.py     a network with its loss
steps.py       which images a step sees, and how they are changed: by seed, epoch and step alone
movement.py    optimizer, rates and running average of the weights
figures.py     what a network says of images, and how good that is
outcome.py     summary and predictions
run_folder.py  all files of RUN_DIR
"""
