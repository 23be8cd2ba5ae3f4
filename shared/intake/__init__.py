"""Taking a study in, whoever brings it: values in, values out, and no HTTP."""
