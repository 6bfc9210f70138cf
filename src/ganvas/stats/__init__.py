"""Intervals, exact tests, ranking measures: statistics that do not know what a GAN is."""
