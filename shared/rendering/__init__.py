"""A report as bytes, in each format that it is asked for: pure functions of a `ReportDocument`."""
