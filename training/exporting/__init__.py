"""What `training.export` does: from RUN_DIR to a bundle that the workers serve.

network.py    the networks of an ensemble as one
graph.py      that network as a torch program and as ONNX
card.py       calibration and thresholds from validation images, figures from test images
readme.py     the card for people
"""
