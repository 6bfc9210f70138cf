"""The algorithm: everything that is a tensor. `model` is the game; the rest are its parts."""
