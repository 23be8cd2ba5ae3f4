"""What a study is, as plain values without I/O: how it moves, whose it is, what was found and written."""
