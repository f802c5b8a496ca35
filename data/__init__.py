"""Documents, paragraphs, sentences, taxonomies and labels: everything that needs no model."""
