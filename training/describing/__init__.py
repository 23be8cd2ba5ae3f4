"""What is in a data set and what is wrong with it: counts, checks of files and patients, tables, plots."""
