"""Optional rewording of a digest by a language model, under a guard against what the sources do not say."""
