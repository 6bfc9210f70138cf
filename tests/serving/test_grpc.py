"""The tables of TensorFlow Serving's gRPC protocol."""

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving")
import grpc
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

FLOAT, INT = 1, 3  # DataType
ONE = {"x": np.ones(1, np.float32)}


@pytest.fixture(scope="module")
def channel(places):
    with grpc.insecure_channel(places[1].removeprefix("grpc://")) as channel:
        yield channel


@pytest.fixture(scope="module")
def predict(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict


def ask(signature="", inputs=None, model="types", version=None, label="", outputs=()):
    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name, request.model_spec.signature_name = model, signature
    if version is not None:
        request.model_spec.version.value = version
    if label:
        request.model_spec.version_label = label
    for alias, value in (inputs or {}).items():
        proto = value if isinstance(value, tf.make_tensor_proto(0).__class__) else None
        request.inputs[alias].CopyFrom(proto or tf.make_tensor_proto(value))
    return request


def tensor(dims, dtype=FLOAT, **fields):
    proto = tf.make_tensor_proto(0.0)
    proto.Clear()
    proto.dtype = dtype
    for dim in dims:
        proto.tensor_shape.dim.add(size=dim)
    for name, values in fields.items():
        if name == "tensor_content":
            proto.tensor_content = values
        else:
            getattr(proto, name).extend(values)
    return proto


VALUES = [
    ("float", {"x": np.array([1, 2], np.float32)}, {"y": [1, 2]}),
    ("float", {"x": tensor([2], float_val=[1, 2])}, {"y": [1, 2]}),
    ("float", {"x": tensor([3], float_val=[7])}, {"y": [7, 7, 7]}),
    ("float", {"x": tensor([1], tensor_content=b"\0\0\x80?")}, {"y": [1]}),
    ("float", {"x": tensor([0])}, {"y": []}),
    ("double", {"x": np.array([0.1])}, {"y": [0.1]}),
    ("int", {"x": np.array([1], np.int32)}, {"y": [2]}),
    ("long", {"x": np.array([2**53 + 1])}, {"y": [2**53 + 2]}),
    ("byte", {"x": np.array([255], np.uint8)}, {"y": [255]}),
    ("bool", {"x": np.array([True])}, {"y": [False]}),
    ("string", {"x": np.array([b"a"], object)}, {"y": [b"a!"]}),
    ("bytes", {"x": np.array([b"\0\xff"], object)}, {"y_bytes": [b"\0\xff"]}),
    ("half_in", {"x": np.array([1.5], np.float16)}, {"y": [1.5]}),
    ("half_out", {"x": np.array([1.5], np.float32)}, {"y": [1.5]}),
    ("scalar", {"x": np.float32(1)}, {"y": 2}),
    ("matrix", {"x": np.ones((2, 2), np.float32)}, {"y": [2, 2]}),
    ("two", ONE, {"a": [2], "b": [[1, 1]]}),
    ("pair", {"a": np.ones(1, np.float32), "b": np.ones(1, np.int32)}, {"y": [2]}),
]


@pytest.mark.parametrize(("signature", "inputs", "wanted"), VALUES)
def test_values(predict, signature, inputs, wanted):
    answer = predict(ask(signature, inputs), timeout=20)
    got = {alias: tf.make_ndarray(proto) for alias, proto in answer.outputs.items()}
    assert set(got) == set(wanted)
    for alias, value in wanted.items():
        np.testing.assert_array_equal(got[alias], np.array(value, got[alias].dtype))
    assert not any(proto.tensor_content for proto in answer.outputs.values())
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("types", 1, signature)


EXPECTS = "Expects arg[0] to be float but {} is provided"
REFUSED = [
    # request, code, words of TensorFlow Serving where they are known
    (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    (ask("float", ONE, model=""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    (ask("float", ONE, model="none"), "NOT_FOUND", "Servable not found for request: Latest(none)"),
    (ask("float", ONE, version=9), "NOT_FOUND", "Servable not found for request: Specific(types,"),
    (ask("float", ONE, version=-1), "NOT_FOUND", "Specific(types, -1)"),
    (ask("float", ONE, label="x"), "INVALID_ARGUMENT", "Unrecognized servable version label: x"),
    (ask("none", ONE), "FAILED_PRECONDITION", 'Serving signature key "none" not found.'),
    (ask("", ONE), "FAILED_PRECONDITION", 'Serving signature key "serving_default" not found.'),
    (ask("float"), "INVALID_ARGUMENT", "input size does not match signature: 0!=1"),
    (ask("float", {**ONE, "y": 1.0}), "INVALID_ARGUMENT", "Sent extra: {y}"),
    (ask("pair", {"a": np.ones(1, np.float32)}), "INVALID_ARGUMENT", "Missing but required: {b}"),
    (ask("float", {"y": np.ones(1, np.float32)}), "INVALID_ARGUMENT", ""),
    (ask("float", ONE, outputs=["z"]), "INVALID_ARGUMENT", "output tensor alias not found"),
    (ask("float", ONE, outputs=["y", "y"]), "INVALID_ARGUMENT", "duplicate output tensor alias"),
    (ask("float", {"x": tensor([-1])}), "INVALID_ARGUMENT", "tensor parsing error"),
    (ask("float", {"x": tensor([2], tensor_content=b"123")}), "INVALID_ARGUMENT", "parsing error"),
    (ask("float", {"x": np.ones(1, np.int32)}), "INVALID_ARGUMENT", EXPECTS.format("int32")),
    (ask("float", {"x": np.ones(1, np.float16)}), "INVALID_ARGUMENT", EXPECTS.format("half")),
    (ask("float", {"x": tensor([1], dtype=99)}), "INVALID_ARGUMENT", "Expects arg[0] to be float"),
    (ask("float", {"x": "a"}), "INVALID_ARGUMENT", EXPECTS.format("string")),
    (ask("matrix", {"x": np.ones((1, 3), np.float32)}), "INVALID_ARGUMENT", ""),
    (ask("matrix", {"x": np.ones(2, np.float32)}), "INVALID_ARGUMENT", ""),
    (ask("raises", {"x": np.array([np.nan], np.float32)}), "INVALID_ARGUMENT", "not finite"),
]


@pytest.mark.parametrize(("request_", "code", "words"), REFUSED)
def test_refused(predict, request_, code, words):
    with pytest.raises(grpc.RpcError) as error:
        predict(request_, timeout=20)
    assert error.value.code().name == code
    assert words in error.value.details()


@pytest.mark.parametrize(
    ("options", "version"),
    [({}, 2), ({"version": 1}, 1), ({"label": "stable"}, 1), ({"label": "canary"}, 2)],
)
def test_versions_and_labels(predict, options, version):
    inputs = {"z": np.full((1, 4), 0.1, np.float32)}
    answer = predict(ask("", inputs, model="gan", **options), timeout=20)
    spec = answer.model_spec
    assert (spec.version.value, spec.signature_name) == (version, "serving_default")
    first = answer.outputs["images"].float_val[0]
    assert first == pytest.approx(np.tanh(0.1 * version), 1e-5)


def test_output_filter(predict):
    answer = predict(ask("two", ONE, outputs=["b"]), timeout=20)
    assert list(answer.outputs) == ["b"]


def test_long_words_are_cut(predict):
    with pytest.raises(grpc.RpcError) as error:
        predict(ask("n" * 5000, ONE), timeout=20)
    assert len(error.value.details()) < 1100
    assert error.value.details().endswith("...TRUNCATED")


def with_spec(request, model="gan", version=None):
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    return request


LOOK = [
    ("GetModelMetadata", get_model_metadata_pb2.GetModelMetadataRequest(), "INVALID_ARGUMENT"),
    (
        "GetModelMetadata",
        with_spec(get_model_metadata_pb2.GetModelMetadataRequest()),
        "INVALID_ARGUMENT",
    ),
    (
        "GetModelMetadata",
        with_spec(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["x"])),
        "INVALID_ARGUMENT",
    ),
    (
        "GetModelMetadata",
        with_spec(
            get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]), "none"
        ),
        "NOT_FOUND",
    ),
    ("GetModelStatus", get_model_status_pb2.GetModelStatusRequest(), "INVALID_ARGUMENT"),
    ("GetModelStatus", with_spec(get_model_status_pb2.GetModelStatusRequest(), "x"), "NOT_FOUND"),
    (
        "GetModelStatus",
        with_spec(get_model_status_pb2.GetModelStatusRequest(), "gan", 9),
        "NOT_FOUND",
    ),
    ("Classify", with_spec(classification_pb2.ClassificationRequest()), "INVALID_ARGUMENT"),
    ("Regress", with_spec(regression_pb2.RegressionRequest()), "INVALID_ARGUMENT"),
    ("Classify", with_spec(classification_pb2.ClassificationRequest(), "none"), "NOT_FOUND"),
]


@pytest.mark.parametrize(("method", "request_", "code"), LOOK)
def test_looks_refused(channel, method, request_, code):
    stubs = (
        prediction_service_pb2_grpc.PredictionServiceStub(channel),
        model_service_pb2_grpc.ModelServiceStub(channel),
    )
    call = next(getattr(stub, method) for stub in stubs if hasattr(stub, method))
    with pytest.raises(grpc.RpcError) as error:
        call(request_, timeout=20)
    assert error.value.code().name == code


def test_status(channel):
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = with_spec(get_model_status_pb2.GetModelStatusRequest())
    answer = stub.GetModelStatus(request, timeout=20)
    versions = [(one.version, one.state) for one in answer.model_version_status]
    assert versions == [(2, 30), (1, 30)]


def test_metadata(channel):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    answer = stub.GetModelMetadata(with_spec(request, version=1), timeout=20)
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("gan", 1)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(found)
    z = found.signature_def["serving_default"].inputs["z"]
    assert [dim.size for dim in z.tensor_shape.dim] == [-1, 4]


def test_multi_inference_is_not_served(channel):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    with pytest.raises(grpc.RpcError) as error:
        stub.MultiInference(inference_pb2.MultiInferenceRequest(), timeout=20)
    assert error.value.code().name in ("UNIMPLEMENTED", "INVALID_ARGUMENT")


def reload_request(text):
    request = model_management_pb2.ReloadConfigRequest()
    json_format.ParseDict({"config": {"model_config_list": {"config": text}}}, request)
    return request


def test_reload(serve, models, token):
    """The list of models is replaced; a list that cannot be served changes nothing."""
    from ganvas.serve.config import Entry

    folder = models.parent

    def model(name, **more):
        place = {"name": name, "base_path": str(folder / name), "model_platform": "tensorflow"}
        return {**place, **more}

    gan, options = model("gan"), {"allow_reload": True, "model_roots": (folder,), **token.options}
    with serve([Entry("gan", folder / "gan")], **options) as running:

        def reload(*listed):
            return stub.HandleReloadConfigRequest(
                reload_request(listed), timeout=30, metadata=token.metadata
            )

        def ask(*words):
            return running.ask(*words, **token.headers)

        with grpc.insecure_channel(running.grpc.removeprefix("grpc://")) as channel:
            stub = model_service_pb2_grpc.ModelServiceStub(channel)
            for wrong, code in [
                ([gan, model("none")], "UNKNOWN"),
                ([model("gan", version_labels={"x": 9})], "FAILED_PRECONDITION"),
                ([model("gan", model_platform="caffe")], "INVALID_ARGUMENT"),
                ([model("gan", base_path="gan")], "INVALID_ARGUMENT"),
                ([], "FAILED_PRECONDITION"),
                ([model("cond")], "FAILED_PRECONDITION"),
            ]:
                with pytest.raises(grpc.RpcError) as error:
                    reload(*wrong)
                assert error.value.code().name == code
                assert (
                    ask("POST", "/v1/models/gan:predict", {"instances": [[0.0] * 4]}).status == 200
                )
            assert reload(gan, model("cond", version_labels={"one": 1})).status.error_code == 0
            body = {"inputs": {"z": [[0.0] * 4], "label": [0]}}
            assert ask("POST", "/v1/models/cond/labels/one:predict", body).status == 200
            reload(gan)
        assert ask("GET", "/v1/models/cond").json["model_version_status"][0]["state"] == "END"
        assert ask("POST", "/v1/models/cond/labels/one:predict", body).status in (400, 404)
