"""What `training.train` does: from a recipe and tables to networks and what they say of every patient.

start.py       the command's options -> a run
inputs.py      tables -> images, split, checked for leaks, with the targets of the recipe's policies
plan.py        recipe -> jobs, one a network (teachers, members of the ensemble, second stages)
job.py         one job: epochs, validation, best weights, checkpoints
steps.py       which images a step sees, and how they are changed: by seed, epoch and step alone
movement.py    optimizer, rates and running average of the weights
figures.py     what a network says of images, and how good that is
run_folder.py  all files of RUN_DIR
"""
