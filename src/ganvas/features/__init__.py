"""Frozen pretrained networks: images -> feature vectors, for scores, critics and detectors."""
