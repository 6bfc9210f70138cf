"""Names, limits and sentences of the signatures that draw images, in exports and in the server.

Source: `exporting/saved_model.py` writes them.
"""

from ..storage.manifest import FLOAT32 as FLOAT32

DEFAULT = "serving_default"
"""z (label) -> images."""
GENERATE = "generate"
"""num_images, seed, truncation (label) -> image_bytes."""
GENERATE_FROM = "generate_from"
"""The same from image number `first`; a server that has it draws large requests in parts."""
CHUNK = 8
"""Images that both compute together, always: the bytes of an image depend on its seed and number
alone. A rest of fewer images is not drawn one by one, because without oneDNN the arithmetic of a
batch of one differs in the last bits."""
MOST = 1024
"""Images of one call of either."""
FURTHEST = 2**30
"""Number of an image that `generate_from` may start with."""
WRONG_FIRST = f"first must be 0 to {FURTHEST}, got {{}}: it is the number of an image"
WRONG_NUMBER = f"num_images must be 1 to {MOST}, got {{}}: send several requests"
WRONG_TRUNCATION = "truncation must be > 0 and <= 2, got {}: 1 is as in training"


def wrong_label(classes: int) -> str:
    return f"label must be 0 to {classes - 1} or -1 (frequencies of training), got {{}}"
