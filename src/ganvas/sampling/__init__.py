"""A trained generator: noise, label and truncation -> images."""
