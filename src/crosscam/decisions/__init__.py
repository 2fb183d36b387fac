"""Doubt and decisions: intervals, comparison, error rates of thresholds, calibration."""
