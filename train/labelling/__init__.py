"""Label files: audit, near duplicates, agreement, suspicious labels, what to label next."""
