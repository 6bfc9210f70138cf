"""Trained generators as files; `ganvas sample zoo:NAME` draws from them. It has no code."""
