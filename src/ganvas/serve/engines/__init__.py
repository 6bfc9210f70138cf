"""What computes a version of a model: TensorFlow, or LiteRT or ONNX Runtime without it.

base          what the protocols need of a version
tensorflow    any SavedModel
generators    a generator from one file: what the next two share
litert        from its LiteRT file in float32
onnx          from its ONNX file
loading       which of them serves a version
"""
