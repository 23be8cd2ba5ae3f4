"""What a report may say: its words, and whether the findings support them."""
