"""What only the tuned report writer needs: examples to learn from, and the measure of what it writes."""
