"""An exported model over TensorFlow Serving's protocols, REST and gRPC.

Needs the exported folder and the extra `serve`, nothing of what trained the model.
    config -> models -> servable        which versions there are, loaded and warmed up
    rest, grpcs -> engine -> servable   a request, from the wire to TensorFlow and back
"""
