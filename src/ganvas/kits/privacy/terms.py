"""The attacks in terms of the field, and the criteria of Opinion 05/2014 that they test."""

from __future__ import annotations

from collections.abc import Iterable

TERMS = {
    "near_copies_pixels": "near-copies, in pixels",
    "near_copies_recoloured": "near-copies, in ranks of grey levels",
    "near_copies_features": "near-copies, in features",
    "membership_search": "membership inference, by latent search (white box)",
    "identity": "identity match, by an embedder",
    "membership_nearest": "membership inference, by the nearest generated image",
    "membership_crowd": "membership inference, by the number of near generated images",
    "membership_discriminator": "membership inference, by the discriminator (white box)",
    "set_membership": "set membership inference",
    "label_inference": "label inference, by the nearest generated image",
    "reconstruction_nearest": "reconstruction of a hidden half, by the nearest generated image",
    "reconstruction_search": "reconstruction of a hidden half, by latent search (white box)",
    "inversion_search": "model inversion, from a blurred image (white box)",
    "utility": "utility",
}
SHORT = {
    "near_copies": "near-copies",
    "membership": "membership inference",
    "identity": "identity match",
    "reconstruction": "reconstruction",
    "inversion": "model inversion",
}


def phrase(name: str) -> str:
    """The term within a sentence."""
    return TERMS[name].replace(", ", " ")


def short(names: Iterable[str]) -> str:
    """The kinds of some attacks."""
    kinds = [kind for start, kind in SHORT.items() if any(n.startswith(start) for n in names)]
    return ", ".join(kinds)


CRITERIA = {
    "Singling out": (
        "Can one person's record be picked out or taken from the generator?",
        ("near_copies_pixels", "near_copies_recoloured", "near_copies_features",
         "membership_search"),
    ),
    "Linkability": (
        "Can a record be linked to the training images, or a generated image to a person among "
        "them?",
        ("identity", "membership_nearest", "membership_crowd", "membership_discriminator",
         "set_membership"),
    ),
    "Inference": (
        "Do the generated images reveal more about a person in the training images than about "
        "anyone else?",
        ("label_inference", "reconstruction_nearest", "reconstruction_search", "inversion_search"),
    ),
}  # fmt: skip
