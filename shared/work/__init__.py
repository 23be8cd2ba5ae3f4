"""How a study is handed out, held and found again: queue, leases, device batches, sweeper."""
