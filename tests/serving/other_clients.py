"""Two clients of TensorFlow Serving that are not ours, end to end.

    PYTHON_WITH_CLIENTS tests/serving/other_clients.py HOST:REST_PORT HOST:GRPC_PORT

Run by an interpreter of its own, with `pip install ovmsclient min-tfs-client protobuf==3.20.3`:
both overwrite files of TensorFlow, so that they cannot live beside it, and are years old.
"""

import sys

import numpy as np
import ovmsclient
from min_tfs_client.requests import TensorServingClient
from min_tfs_client.tensors import tensor_proto_to_ndarray

Z = np.zeros((2, 4), np.float32)


def ask_ovmsclient(client) -> None:
    # Over REST it writes "versions/0" where none is named, and reads metadata in camelCase:
    # that is OpenVINO's server, not TensorFlow Serving.
    assert client.get_model_status("gan", 1)[1]["state"] == "AVAILABLE"
    found = client.get_model_metadata("gan", 1)
    assert "signature_def" in str(found) or found["inputs"]["z"]["shape"] == [-1, 4]
    assert client.predict({"z": Z}, "gan", 1).shape == (2, 4, 4, 1)
    both = {"z": Z, "label": np.array([0, 1], np.int32)}
    assert client.predict(both, "cond", 1).shape == (2, 4, 4, 1)
    try:
        client.predict({"z": Z}, "none", 1)
    except Exception as error:
        assert "not found" in str(error), error
    else:
        raise AssertionError("an unknown model was answered")


def ask_min_tfs_client(host: str, port: str) -> None:
    client = TensorServingClient(host, int(port))
    answer = client.predict_request("gan", {"z": Z}, model_version=1)
    assert tensor_proto_to_ndarray(answer.outputs["images"]).shape == (2, 4, 4, 1)


rest, grpc = sys.argv[1:]
ask_ovmsclient(ovmsclient.make_http_client(rest))
print("ovmsclient over REST")
ask_ovmsclient(ovmsclient.make_grpc_client(grpc))
print("ovmsclient over gRPC")
ask_min_tfs_client(*grpc.split(":"))
print("min-tfs-client over gRPC")
