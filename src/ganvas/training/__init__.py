"""From a recipe and a folder of images to a trained run."""
