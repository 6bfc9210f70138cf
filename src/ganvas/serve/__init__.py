"""An exported model over TensorFlow Serving's protocols, REST and gRPC.

Needs the exported folder and the extra `edge`, but not the run that trained the model.
    config -> models -> servable        the versions, loaded and warmed up
    rest, grpcs -> engine -> servable   a request and its response
"""
