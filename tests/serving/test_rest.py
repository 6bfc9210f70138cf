"""The tables of TensorFlow Serving's REST protocol, one row for each thing that it promises.

Words in an expectation are a part of the message, where TensorFlow Serving's are known.
"""

import base64
import gzip
import json
import math
import os

import pytest

OURS = not os.environ.get("GANVAS_SERVING_REST")
PREDICT = "/v1/models/types:predict"
OF_ROWS = " of 'instances' list. Error: INVALID_ARGUMENT: "
EXPECTED_LEVELS = "Encountered list at unexpected size"
B64 = {"b64": base64.b64encode(b"\x00\xff").decode()}


def sign(name, **body):
    return {"signature_name": name, **body}


VALUES = [
    # signature, request, answer
    ("float", {"instances": [1, 2.5, -3e2]}, {"predictions": [1.0, 2.5, -300.0]}),
    ("float", {"instances": [{"x": 1}, {"x": 2}]}, {"predictions": [1.0, 2.0]}),
    ("float", {"inputs": [1, 2]}, {"outputs": [1.0, 2.0]}),
    ("float", {"inputs": {"x": [1, 2]}}, {"outputs": [1.0, 2.0]}),
    ("float", {"inputs": {"x": [1], "more": [2]}}, {"outputs": [1.0]}),
    ("float", {"instances": [0.2]}, {"predictions": [0.2]}),
    ("float", {"instances": [16777216]}, {"predictions": [16777216.0]}),
    ("double", {"instances": [0.1, 1e300]}, {"predictions": [0.1, 1e300]}),
    ("int", {"instances": [1, -2]}, {"predictions": [2, -1]}),
    ("long", {"instances": [2**53 + 1]}, {"predictions": [2**53 + 2]}),
    ("byte", {"instances": [0, 255]}, {"predictions": [0, 255]}),
    ("bool", {"instances": [True, False]}, {"predictions": [False, True]}),
    ("string", {"instances": ["a", "é"]}, {"predictions": ["a!", "é!"]}),
    ("string", {"instances": [{"b64": "YQ=="}]}, {"predictions": ["a!"]}),
    ("string", {"instances": [{"x": "a"}]}, {"predictions": ["a!"]}),
    ("bytes", {"instances": [B64, B64]}, {"predictions": [B64, B64]}),
    ("bytes", {"instances": [{"x": B64}]}, {"predictions": [B64]}),
    ("bytes", {"inputs": [B64]}, {"outputs": [B64]}),
    ("scalar", {"inputs": 1}, {"outputs": 2.0}),
    ("scalar", {"inputs": {"x": 1.5}}, {"outputs": 2.5}),
    ("total", {"inputs": [1, 2]}, {"outputs": 3.0}),
    ("matrix", {"instances": [[1, 2], [3, 4]]}, {"predictions": [3.0, 7.0]}),
    ("matrix", {"instances": [{"x": [1, 2]}]}, {"predictions": [3.0]}),
    ("two", {"instances": [1]}, {"predictions": [{"a": 2.0, "b": [1.0, 1.0]}]}),
    ("two", {"inputs": [1]}, {"outputs": {"a": [2.0], "b": [[1.0, 1.0]]}}),
    ("uneven", {"inputs": [1]}, {"outputs": {"a": [2.0], "b": [1.0, 1.0]}}),
    ("pair", {"instances": [{"a": 1, "b": 2}, {"b": 3, "a": 4}]}, {"predictions": [3.0, 7.0]}),
    ("pair", {"inputs": {"a": [1], "b": [2]}}, {"outputs": [3.0]}),
    ("odd", {"instances": [1]}, {"predictions": [0.0]}),
]

REFUSED = [
    # signature, request, status, words
    ("float", {"instances": ["1"]}, 400, 'JSON Value: "1" Type: String is not of expected type'),
    ("float", {"instances": [True]}, 400, "is not of expected type: float"),
    ("float", {"instances": [None]}, 400, "is not of expected type: float"),
    ("float", {"instances": [{"b64": "YQ=="}]}, 400, ""),
    ("float", {"instances": [{"y": 1}]}, 400, f"0 key: y{OF_ROWS}JSON object: does not have named"),
    ("float", {"instances": [{"x": 1}, {"x": 1, "y": 2}]}, 400, f"element: 1 key: y{OF_ROWS}"),
    (
        "float",
        {"instances": [{"x": 1}] * 1500 + [{"x": "1"}]},
        400,
        f"1500 key: x{OF_ROWS}",
    ),
    (
        "float",
        {"instances": [{"x": 1}, {"x": None}]},
        400,
        "Null is not of expected type: float",
    ),
    ("float", {"instances": [{"x": 1}, 2]}, 400, "Expecting object but got list at item 1"),
    ("float", {"instances": [1, {"x": 2}]}, 400, "Expecting value/list but got object at item 1"),
    ("float", {"instances": [1, [2]]}, 400, f"1{OF_ROWS}Expecting shape [] but got: [1]"),
    ("float", {"instances": [[1], 2]}, 400, f"1{OF_ROWS}Expecting shape [1] but got: []"),
    ("float", {"instances": []}, 400, "No values in 'instances' array"),
    ("float", {"instances": 1}, 400, "Excepting 'instances' to be an list/array"),
    ("float", {"instances": {"x": [1]}}, 400, "Excepting 'instances' to be an list/array"),
    ("float", {"instances": [1], "inputs": [1]}, 400, "Not formatted correctly expecting only"),
    ("float", {}, 400, "Missing 'inputs' or 'instances' key"),
    ("float", {"inputs": {"y": [1]}}, 400, "Missing named input: x in 'inputs' object."),
    ("float", {"inputs": [[1, 2]]}, 400, ""),
    ("matrix", {"instances": [[1, 2], [3]]}, 400, f"1{OF_ROWS}Expecting tensor size: 2 but got: 1"),
    ("matrix", {"instances": [[1, 2], [[3], [4]]]}, 400, "Expecting shape [2] but got: [2,1]"),
    (
        "matrix",
        {"inputs": [[1, 2], 3]},
        400,
        "level: 2 in the JSON DOM. Expected at level: 2",
    ),
    ("matrix", {"inputs": [[1, 2], [3]]}, 400, EXPECTED_LEVELS),
    ("matrix", {"instances": [[1, 2, 3]]}, 400, ""),
    ("matrix", {"instances": [1, 2]}, 400, ""),
    ("matrix", {"inputs": [[1, [2]]]}, 400, "list at unexpected level: 2 expected < 2"),
    ("int", {"instances": [1.0]}, 400, "is not of expected type: int32"),
    ("int", {"instances": [2**31]}, 400, "is not of expected type: int32"),
    ("int", {"instances": [True]}, 400, "is not of expected type: int32"),
    ("long", {"instances": [2**63]}, 400, "is not of expected type: int64"),
    ("long", {"instances": [1.5]}, 400, "is not of expected type: int64"),
    ("bool", {"instances": [1]}, 400, "is not of expected type: bool"),
    ("string", {"instances": [1]}, 400, "is not of expected type: string"),
    ("string", {"instances": [{"b64": "*"}]}, 400, "Unable to base64 decode"),
    ("string", {"instances": [{"b64": 1}]}, 400, ""),
    ("half_in", {"inputs": [1]}, 501, "Conversion of JSON Value: 1 to type: half"),
    (
        "half_in",
        {"instances": [1]},
        400,
        "Error: UNIMPLEMENTED: Conversion of JSON",
    ),
    ("half_out", {"instances": [1]}, 400, "Failed to write JSON value for tensor type: half"),
    ("total", {"instances": [1, 2]}, 400, "Tensor name: y has no shape information"),
    ("uneven", {"instances": [1]}, 400, "has inconsistent batch size"),
    ("scalar", {"instances": [1]}, 400, ""),
    ("pair", {"instances": [1, 2]}, 400, "instances is a plain list, but expecting list of obj"),
    ("pair", {"instances": [{"a": 1}]}, 400, "keys must be equal to: a,b"),
    ("pair", {"inputs": [1, 2]}, 400, "inputs is a plain value/list, but expecting an object"),
    ("pair", {"inputs": {"a": [1]}}, 400, "Missing named input: b in 'inputs' object."),
    ("none", {"instances": [1]}, 400, 'Serving signature name: "none" not found in signature def'),
    ("__saved_model_init_op", {"instances": [1]}, 400, ""),
    (1, {"instances": [1]}, 400, "'signature_name' key must be a string value."),
]

PATHS = [
    # method, path, body, status, words
    ("GET", "/v1/models/none", None, 404, "Could not find any versions of model none"),
    ("GET", "/v1/models/gan/versions/9", None, 404, "Could not find version 9 of model gan"),
    ("GET", "/v1/models/none/metadata", None, 404, "Servable not found for request: Latest(none)"),
    ("GET", "/v1/models/gan/versions/9/metadata", None, 404, "Specific(gan, 9)"),
    ("GET", "/v1/models/gan/labels/x/metadata", None, 400, "Unrecognized servable version label"),
    ("GET", f"/v1/models/gan/versions/{2**64}", None, 400, "Failed to convert version"),
    ("GET", "/v1/models/gan/versions/x", None, 400, "Malformed request: GET"),
    ("GET", "/v1/models/gan/", None, 400, "Malformed request: GET"),
    ("GET", "/v1/models/gan:predict", None, 400, "Malformed request: GET /v1/models/gan:predict"),
    ("GET", "/v1/none", None, 400, "Malformed request: GET /v1/none"),
    ("GET", "/v3/models/gan", None, 404, ""),
    ("GET", "/", None, 404, ""),
    ("POST", "/v1/models/gan", b"{}", 400, "Malformed request: POST /v1/models/gan"),
    ("POST", "/v1/models/gan:guess", b"{}", 400, "Malformed request: POST"),
    ("POST", "/v1/models/gan/versions/1/labels/stable:predict", b"{}", 400, "Malformed request"),
    ("PUT", "/v1/models/gan:predict", b"{}", 400, "Malformed request: PUT"),
    ("DELETE", "/v1/models/gan", None, 400, "Malformed request: DELETE"),
    ("POST", "/v1/models/none:predict", b'{"instances": [1]}', 404, "Latest(none)"),
    ("POST", "/v1/models/none:predict", b"{", 400, "JSON Parse error"),
    ("POST", "/v1/models/none:predict", b"", 400, "JSON Parse error: The document is empty"),
    ("POST", "/v1/models/gan/versions/9:predict", b'{"instances": [1]}', 404, "Specific(gan, 9)"),
    ("POST", "/v1/models/gan/labels/x:predict", b'{"instances": [1]}', 400, "label: x"),
    ("POST", PREDICT, b"[1]", 400, "Is not object"),
    ("POST", PREDICT, b"1", 400, "Is not object"),
    ("POST", PREDICT, b'{"instances": [1,]}', 400, "JSON Parse error"),
    ("POST", PREDICT, b"\xff\xfe", 400, "JSON Parse error"),
    ("POST", PREDICT, b'{"instances":' + b"[" * 100_000, 400, ""),
    ("POST", PREDICT, b'{"instances": [1]}', 400, '"serving_default" not found in signature def'),
    ("POST", "/v1/models/gan:classify", b'{"examples": [{"z": 1.0}]}', 400, "tensorflow/serving"),
    ("POST", "/v1/models/gan:regress", b'{"examples": [{"z": 1.0}]}', 400, "tensorflow/serving"),
    ("POST", "/v1/models/gan:classify", b'{"examples": []}', 400, ""),
    ("POST", "/v1/models/gan:regress", b"{}", 400, ""),
    ("POST", "/v1/models/gan:classify", b'{"examples": [1]}', 400, "Example must be JSON object"),
    ("POST", "/v1/models/none:classify", b'{"examples": [{"z": 1.0}]}', 404, ""),
]


@pytest.mark.parametrize(("signature", "request_", "wanted"), VALUES)
def test_values(places, http_ask, signature, request_, wanted):
    answer = http_ask(places[0], "POST", PREDICT, sign(signature, **request_))
    assert (answer.status, answer.json) == (200, wanted)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("signature", "request_", "status", "words"), REFUSED)
def test_refused(places, http_ask, signature, request_, status, words):
    answer = http_ask(places[0], "POST", PREDICT, sign(signature, **request_))
    assert answer.status == status
    assert list(answer.json) == ["error"]
    assert words in answer.json["error"]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("method", "path", "body", "status", "words"), PATHS)
def test_paths(places, http_ask, method, path, body, status, words):
    answer = http_ask(places[0], method, path, body)
    assert answer.status == status
    if words:
        assert words in answer.json["error"]


@pytest.mark.parametrize(
    ("path", "scale"),
    [
        ("/v1/models/gan:predict", 2),
        ("/v1/models/gan/versions/1:predict", 1),
        ("/v1/models/gan/versions/02:predict", 2),
        ("/v1/models/gan/labels/stable:predict", 1),
        ("/v1/models/gan/labels/canary:predict", 2),
        ("/V1/Models/gan:predict", 2),
        ("/v1/models/%67an:predict", 2),
    ],
)
def test_versions_and_labels(places, http_ask, path, scale):
    answer = http_ask(places[0], "POST", path, {"instances": [[0.1] * 4]})
    assert answer.status == 200
    assert answer.json["predictions"][0][0][0][0] == pytest.approx(math.tanh(0.1 * scale), 1e-5)


@pytest.mark.parametrize(
    "body",
    [
        b'{"signature_name": "float", "instances": [1]} and more',
        b' \n{"signature_name": "float", "instances": [1.0]}',
        gzip.compress(b'{"signature_name": "float", "instances": [1]}'),
    ],
    ids=["trailing", "leading", "gzip"],
)
def test_bodies(places, http_ask, body):
    headers = {"content-encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
    answer = http_ask(places[0], "POST", PREDICT, body, **headers)
    assert (answer.status, answer.json) == (200, {"predictions": [1.0]})


def test_non_finite_numbers(places, http_ask):
    body = b'{"signature_name": "float", "instances": [NaN, Infinity, -Infinity, 0.2, 1e39]}'
    answer = http_ask(places[0], "POST", PREDICT, body)
    numbers = answer.json["predictions"]
    assert math.isnan(numbers[0])
    assert numbers[1:] == [math.inf, -math.inf, 0.2, math.inf]
    answer = http_ask(places[0], "POST", PREDICT, sign("odd", instances=[0, -1]))
    assert b"-Infinity" in answer.body
    assert b"NaN" in answer.body


@pytest.mark.parametrize("path", ["/v1/models/gan", "/v1/models/gan/labels/none"])
def test_status(places, http_ask, path):
    def version(number):
        fine = {"error_code": "OK", "error_message": ""}
        return {"version": number, "state": "AVAILABLE", "status": fine}

    answer = http_ask(places[0], "GET", path)
    assert answer.json == {"model_version_status": [version("2"), version("1")]}
    answer = http_ask(places[0], "GET", "/v1/models/gan/versions/1")
    assert answer.json == {"model_version_status": [version("1")]}


def test_metadata(places, http_ask):
    answer = http_ask(places[0], "GET", "/v1/models/gan/labels/stable/metadata").json
    assert answer["model_spec"] == {"name": "gan", "signature_name": "", "version": "1"}
    definitions = answer["metadata"]["signature_def"]["signature_def"]
    assert set(definitions) == {"serving_default", "generate", "__saved_model_init_op"}
    z = definitions["serving_default"]["inputs"]["z"]
    dims = [{"size": "-1", "name": ""}, {"size": "4", "name": ""}]
    assert z["dtype"] == "DT_FLOAT"
    assert z["tensor_shape"] == {"dim": dims, "unknown_rank": False}
    assert definitions["serving_default"]["method_name"] == "tensorflow/serving/predict"


def test_generate_gives_png(places, http_ask):
    inputs = {"num_images": 3, "seed": [1, 2], "truncation": 1.0}
    body = sign("generate", inputs=inputs)
    first = http_ask(places[0], "POST", "/v1/models/gan:predict", body).json["outputs"]
    again = http_ask(places[0], "POST", "/v1/models/gan:predict", body).json["outputs"]
    assert first == again
    assert [base64.b64decode(one["b64"])[:4] for one in first] == [b"\x89PNG"] * 3


def test_floats_are_as_short_as_can_be(places, http_ask):
    answer = http_ask(places[0], "POST", PREDICT, sign("float", instances=[0.2, 3]))
    assert json.loads(answer.body, parse_float=str) == {"predictions": ["0.2", "3.0"]}


@pytest.mark.skipif(not OURS, reason="TensorFlow Serving lists no models")
def test_list(places, http_ask):
    listed = http_ask(places[0], "GET", "/v1/models").json["models"]
    assert [model["name"] for model in listed] == ["gan", "cond", "types"]
    assert listed[0]["versions"] == [2, 1]
    assert listed[0]["labels"] == {"stable": 1, "canary": 2}
    images = {"dtype": "float32", "shape": [-1, 4, 4, 1]}
    assert listed[0]["signatures"]["serving_default"]["outputs"] == {"images": images}
