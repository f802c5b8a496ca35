"""Tagging, digests and reports: what a user runs."""
