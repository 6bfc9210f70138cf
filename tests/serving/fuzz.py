"""Coverage-guided cases for what parses a stranger's bytes; run by test_hostile.py, a proof.

    python tests/serving/fuzz.py json|proto -runs=100000

Any error but `Declined` ends it with a crash, and the bytes that did it stand in a crash- file.
Needs atheris (https://github.com/google/atheris), which is in no extra.
"""

import sys

import atheris

with atheris.instrument_imports(include=["ganvas.serve"]):
    from ganvas.serve import json_outputs, jsons, messages, protos
    from ganvas.serve.status import Declined

from google.protobuf.message import DecodeError

TYPES = (1, 2, 3, 4, 7, 9, 10, 17, 19, 22)
"""float, double, int32, uint8, string, int64, bool, uint16, half, uint32."""


def inputs_of(*types: int) -> dict:
    shape = {"unknown_rank": True}
    TensorInfo = messages.message("tensorflow.TensorInfo")
    infos = [TensorInfo(dtype=kind, tensor_shape=shape) for kind in types]
    return {f"x{number}" if number else "x": info for number, info in enumerate(infos)}


SIGNATURES = [inputs_of(kind) for kind in TYPES] + [inputs_of(1, 3), {}]


def look_at_json(content: bytes) -> None:
    for inputs in SIGNATURES:
        try:
            in_rows, arrays = jsons.read_inputs(jsons.parse(content), inputs)
            json_outputs.write_outputs(arrays, in_rows)
        except Declined:
            pass


def look_at_proto(content: bytes) -> None:
    request = messages.PredictRequest()
    try:
        request.ParseFromString(content)
    except DecodeError:  # gRPC refuses it before we see it
        return
    for inputs in SIGNATURES:
        try:
            for array in protos.read_all(request.inputs, inputs).values():
                protos.write(array)
        except Declined:
            pass


if __name__ == "__main__":
    looks = {"json": look_at_json, "proto": look_at_proto}
    atheris.Setup([sys.argv[0], *sys.argv[2:]], looks[sys.argv[1]])
    atheris.Fuzz()
