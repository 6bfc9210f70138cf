"""Intervals, exact tests, ranking measures: statistics without a relation to GANs."""
