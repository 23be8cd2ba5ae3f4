"""Training as a Kubeflow pipeline."""
