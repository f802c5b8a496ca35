"""Labelled rows from and to CSV, XLSX, JSON lines, Label Studio and doccano."""
