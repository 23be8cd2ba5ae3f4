"""What a process tells its operators: logs, traces, metrics, and whether it is well."""
