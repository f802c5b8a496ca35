"""One reader per file format, and the detection of encodings."""
