"""Numbers in Chinese text: what they count, their unit, bound, period and contradictions."""
