"""The classifier: base encoder, heads, model folders and their compiled forms."""
