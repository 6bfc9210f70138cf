"""Version 2 of the Open Inference Protocol over gRPC: the answers of REST, in other messages."""

import json
import os
import struct

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("GANVAS_SERVING_REST")), reason="TensorFlow Serving has no version 2"
)
TRITON = "pip install --no-deps tritonclient python-rapidjson: it asks for another protobuf"
SERVICE = "inference.GRPCInferenceService"


@pytest.fixture(scope="module")
def call(places):
    """Calls a method: `call("ModelInfer", field=..., ...)`."""
    import grpc

    from ganvas.serve import messages

    with grpc.insecure_channel(places[1].removeprefix("grpc://")) as channel:
        methods = messages.methods(SERVICE)

        def one(method, seconds=20, **fields):
            request, response = methods[method]
            stub = channel.unary_unary(
                f"/{SERVICE}/{method}", request.SerializeToString, response.FromString
            )
            return stub(request(**fields), timeout=seconds)

        yield one


def tensor(kind="FP32", shape=(1,), name="x", **contents):
    found = {"name": name, "datatype": kind, "shape": shape}
    return found | ({"contents": contents} if contents else {})


def asked(signature, *inputs, model="types", **more):
    named = {"signature_name": {"string_param": signature}}
    return {"model_name": model, "parameters": named, "inputs": list(inputs), **more}


VALUES = [
    # signature, datatype, shape, field, data, wanted
    ("float", "FP32", [3], "fp32_contents", [1, 2.5, -300.0], [1.0, 2.5, -300.0]),
    ("double", "FP64", [2], "fp64_contents", [0.1, 1e300], [0.1, 1e300]),
    ("int", "INT32", [2], "int_contents", [1, -2], [2, -1]),
    ("long", "INT64", [1], "int64_contents", [2**53 + 1], [2**53 + 2]),
    ("bool", "BOOL", [2], "bool_contents", [True, False], [False, True]),
    ("byte", "UINT8", [2], "uint_contents", [0, 255], [0, 255]),
    ("matrix", "FP32", [2, 2], "fp32_contents", [1, 2, 3, 4], [3.0, 7.0]),
]
FORMS = {"FP32": "<f4", "FP64": "<f8", "INT32": "<i4", "INT64": "<i8", "UINT8": "u1", "BOOL": "?"}


@pytest.mark.parametrize("signature, kind, shape, field, data, wanted", VALUES)
def test_values_in_fields_and_as_raw_bytes(call, signature, kind, shape, field, data, wanted):
    content = np.array(data, FORMS[kind]).tobytes()
    for request in (
        asked(signature, tensor(kind, shape, **{field: data}), id="7"),
        asked(signature, tensor(kind, shape), id="7", raw_input_contents=[content]),
    ):
        answer = call("ModelInfer", **request)
        (output,), (raw,) = answer.outputs, answer.raw_output_contents
        assert (answer.model_name, answer.model_version, answer.id) == ("types", "1", "7")
        found = np.frombuffer(raw, FORMS[output.datatype]).reshape(list(output.shape))
        np.testing.assert_array_equal(found, np.array(wanted))


def test_half_precision_comes_as_raw_bytes(call):
    content = np.array([1.5], "<f2").tobytes()
    answer = call("ModelInfer", **asked("half_in", tensor("FP16"), raw_input_contents=[content]))
    assert np.frombuffer(answer.raw_output_contents[0], "<f4") == [1.5]


def test_texts(call):
    texts = [b"\0\xff", b""]
    raw = b"".join(struct.pack("<I", len(one)) + one for one in texts)
    for request in (
        asked("bytes", tensor("BYTES", [2], bytes_contents=texts)),
        asked("bytes", tensor("BYTES", [2]), raw_input_contents=[raw]),
    ):
        answer = call("ModelInfer", **request)
        assert answer.outputs[0].datatype == "BYTES" and answer.raw_output_contents[0] == raw


def test_outputs_are_chosen_one_by_one(call):
    chosen = [{"name": "b"}, {"name": "a"}]
    one = tensor(fp32_contents=[1])
    answer = call("ModelInfer", **asked("two", one, outputs=chosen))
    assert [output.name for output in answer.outputs] == ["b", "a"]
    assert np.frombuffer(answer.raw_output_contents[1], "<f4") == [2]


ONE = tensor(fp32_contents=[1])
REFUSED = [
    # request, code, words
    ({}, "INVALID_ARGUMENT", "a request needs inputs"),
    (asked("nothing", ONE), "INVALID_ARGUMENT", "there is no signature 'nothing'"),
    (asked("float", ONE, model="none"), "NOT_FOUND", "Latest(none)"),
    (asked("float", ONE, model_version="9"), "NOT_FOUND", "Specific(types, 9)"),
    (asked("float", ONE, model_version="x"), "INVALID_ARGUMENT", "Failed to convert version: x"),
    (asked("float", {**ONE, "name": "y"}), "INVALID_ARGUMENT", "there is no input 'y'"),
    (asked("float", ONE, ONE), "INVALID_ARGUMENT", "sent twice"),
    (asked("pair", {**ONE, "name": "a"}), "INVALID_ARGUMENT", "missing inputs: b"),
    (asked("float", tensor("INT32")), "INVALID_ARGUMENT", "datatype INT32, the model takes FP32"),
    (asked("float", tensor("NONE")), "INVALID_ARGUMENT", "datatype NONE, the model takes FP32"),
    (asked("float", tensor(fp64_contents=[1])), "INVALID_ARGUMENT", "not its shape [1]"),
    (asked("float", tensor(shape=[-1])), "INVALID_ARGUMENT", "must be integers from 0"),
    (asked("float", tensor(shape=[1] * 17)), "INVALID_ARGUMENT", "at most 16 sizes"),
    (asked("byte", tensor("UINT8", uint_contents=[256])), "INVALID_ARGUMENT", "not of the type"),
    (asked("half_in", tensor("FP16")), "INVALID_ARGUMENT", "must come in raw_input_contents"),
    (asked("matrix", tensor(shape=[1, 3], fp32_contents=[1, 2, 3])), "INVALID_ARGUMENT", ""),
    (asked("float", tensor(), raw_input_contents=[b"123"]), "INVALID_ARGUMENT", "has 3 bytes"),
    (asked("float", tensor(), raw_input_contents=[b"", b""]), "INVALID_ARGUMENT", "and 2 raw"),
    (asked("float", ONE, raw_input_contents=[b"1234"]), "INVALID_ARGUMENT", "beside raw contents"),
    (asked("float", ONE, outputs=[{"name": "z"}]), "INVALID_ARGUMENT", "there is no output 'z'"),
    (
        asked("float", {**tensor(), "parameters": {"shared_memory_region": {"string_param": "a"}}}),
        "INVALID_ARGUMENT",
        "shared memory is not served",
    ),
    (
        {**asked("", ONE), "parameters": {"signature_name": {"int64_param": 1}}},
        "INVALID_ARGUMENT",
        "must be a text",
    ),
]


@pytest.mark.parametrize("request_, code, words", REFUSED)
def test_refused(call, request_, code, words):
    import grpc

    with pytest.raises(grpc.RpcError) as error:
        call("ModelInfer", **request_)
    assert error.value.code().name == code
    assert words in error.value.details()


def test_metadata_and_health_are_those_of_rest(call, places, http_ask):
    from google.protobuf import json_format

    assert call("ServerLive").live and call("ServerReady").ready
    assert call("ServerMetadata").name == "ganvas"
    for version in ("", "1"):
        assert call("ModelReady", name="gan", version=version).ready
        facts = call("ModelMetadata", name="gan", version=version)
        found = json_format.MessageToDict(facts)
        wanted = http_ask(places[0], "GET", "/v2/models/gan").json
        for side in ("inputs", "outputs"):
            for one in found[side]:
                one["shape"] = [int(size) for size in one["shape"]]
        assert found == wanted
    assert not call("ModelReady", name="gan", version="99").ready
    assert not call("ModelReady", name="none").ready


def test_images_are_those_of_rest(call, places, http_ask):
    z = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    request = {"model_name": "gan", "inputs": [tensor("FP32", z.shape, "z")]}
    answer = call("ModelInfer", **request, raw_input_contents=[z.tobytes()])
    sent = {"name": "z", "datatype": "FP32", "shape": [2, 4], "data": z.ravel().tolist()}
    (wanted,) = http_ask(
        places[0], "POST", "/v2/models/gan/infer", json.dumps({"inputs": [sent]}).encode()
    ).json["outputs"]
    found = np.frombuffer(answer.raw_output_contents[0], "<f4")
    np.testing.assert_array_equal(found, np.array(wanted["data"], np.float32))


def test_tritons_client(places):
    """A client of others, over gRPC."""
    client_of = pytest.importorskip("tritonclient.grpc", reason=TRITON)
    with client_of.InferenceServerClient(places[1].removeprefix("grpc://")) as client:
        assert client.is_server_live() and client.is_server_ready()
        assert client.is_model_ready("gan") and not client.is_model_ready("none")
        assert client.get_server_metadata().name == "ganvas"
        assert "1" in client.get_model_metadata("gan").versions
        z = np.full((2, 4), 0.1, np.float32)
        given = client_of.InferInput("z", z.shape, "FP32")
        given.set_data_from_numpy(z)
        images = client.infer("gan", [given], "1").as_numpy("images")
        assert images.shape == (2, 4, 4, 1)
        assert images[0, 0, 0, 0] == pytest.approx(np.tanh(0.1), 1e-5)
        drawing = {"num_images": np.int32(3), "seed": np.int32([1, 2]), "truncation": np.float32(1)}
        sent = []
        for name, value in drawing.items():
            kind = "INT32" if value.dtype == np.int32 else "FP32"
            sent.append(client_of.InferInput(name, value.shape, kind))
            sent[-1].set_data_from_numpy(np.asarray(value))
        found = client.infer("gan", sent, "1", parameters={"signature_name": "generate"})
        files = found.as_numpy("image_bytes")
        assert len(files) == 3 and all(one.startswith(b"\x89PNG") for one in files)
        with pytest.raises(client_of.InferenceServerException, match="Latest"):
            client.infer("none", [given])


def test_messages_are_tritons():
    theirs = pytest.importorskip("tritonclient.grpc.service_pb2", reason=TRITON)
    from ganvas.serve import definitions, messages

    for line in definitions.INFERENCE.strip().splitlines():
        name = line.partition(":")[0]
        ours = messages.POOL.FindMessageTypeByName(f"inference.{name}")
        other = theirs.DESCRIPTOR.pool.FindMessageTypeByName(f"inference.{name}")
        facts = [{(f.name, f.number, f.type, f.is_repeated) for f in one.fields}
                 for one in (ours, other)]  # fmt: skip
        assert facts[0] == facts[1], name
