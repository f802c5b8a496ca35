"""From inputs to output files, shard by shard: journal, lock, errors, progress."""
