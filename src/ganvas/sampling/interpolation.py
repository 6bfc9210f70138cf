"""Latent space: interpolation between noise vectors."""

from __future__ import annotations

import numpy as np


def slerp(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Spherical interpolation from a to b: [N, Z], [N, Z], [N, 1] in [0, 1] -> [N, Z]."""
    norm = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    angle = np.arccos(np.clip((a * b).sum(1) / norm, -0.9999, 0.9999))[:, None]
    return (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
