"""Any model over any data: features, batches, statistics, report."""
