"""What the machine gives a process: cores, memory, children, locks."""
