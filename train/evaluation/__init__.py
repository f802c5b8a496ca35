"""Scores, intervals, calibration, comparison of two models, and their reports."""
