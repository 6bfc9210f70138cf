"""Names of the signatures that draw images, in exports and in the server.

Source: `exporting/saved_model.py` writes them.
"""

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
