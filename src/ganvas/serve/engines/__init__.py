"""What computes a version of a model: TensorFlow, or LiteRT without it.

base          what the protocols need of a version
tensorflow    any SavedModel
litert        a generator, from its float32 file
loading       which of them serves a version
"""
