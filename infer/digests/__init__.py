"""The choice and wording of a digest: clauses, their repair and joining, salience, voices, structure."""
