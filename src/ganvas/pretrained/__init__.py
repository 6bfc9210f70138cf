"""Pretrained pairs of networks to begin from, as files: a generator and its discriminator."""
