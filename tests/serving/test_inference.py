"""Version 2 of the Open Inference Protocol, over REST: JSON and raw bytes."""

import base64
import json
import os
import struct

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("GANVAS_SERVING_REST")), reason="TensorFlow Serving has no version 2"
)
INFER = "/v2/models/types/infer"
HEADER = "Inference-Header-Content-Length"


def tensor(data, kind="FP32", shape=None, name="x", **more):
    return {"name": name, "datatype": kind, "shape": shape or [len(data)], "data": data, **more}


def asked(signature, *inputs, **more):
    return {"inputs": list(inputs), "parameters": {"signature_name": signature}, **more}


def raw(request, *contents):
    """Body and headers: the JSON, and bytes after it."""
    head = json.dumps(request).encode()
    return head + b"".join(contents), {HEADER: str(len(head))}


def sized(content, kind="FP32", shape=(1,), name="x"):
    sizes = {"binary_data_size": len(content)}
    return {"name": name, "datatype": kind, "shape": list(shape), "parameters": sizes}


VALUES = [
    # signature, datatype, shape, data, wanted
    ("float", "FP32", [3], [1, 2.5, -300.0], [1.0, 2.5, -300.0]),
    ("double", "FP64", [2], [0.1, 1e300], [0.1, 1e300]),
    ("int", "INT32", [2], [1, -2], [2, -1]),
    ("long", "INT64", [1], [2**53 + 1], [2**53 + 2]),
    ("bool", "BOOL", [2], [True, False], [False, True]),
    ("matrix", "FP32", [2, 2], [1, 2, 3, 4], [3.0, 7.0]),
    ("matrix", "FP32", [2, 2], [[1, 2], [3, 4]], [3.0, 7.0]),
]


@pytest.mark.parametrize("signature, kind, shape, data, wanted", VALUES)
def test_values_in_json_and_as_raw_bytes(places, http_ask, signature, kind, shape, data, wanted):
    request = asked(signature, tensor(data, kind, shape), id="7")
    answer = http_ask(places[0], "POST", INFER, request).json
    [output] = answer["outputs"]
    assert answer["model_name"] == "types" and answer["id"] == "7"
    assert output["datatype"] == kind and output["data"] == wanted
    names = {"FP32": "<f4", "FP64": "<f8", "INT32": "<i4", "INT64": "<i8", "UINT8": "u1"}
    content = np.array(data, names.get(kind, "u1")).tobytes()
    request = asked(signature, sized(content, kind, shape))
    request["parameters"]["binary_data_output"] = True
    body, headers = raw(request, content)
    answer = http_ask(places[0], "POST", INFER, body, **headers)
    length = int(answer.headers[HEADER])
    [output] = json.loads(answer.body[:length])["outputs"]
    got = np.frombuffer(answer.body[length:], names.get(kind, "u1"))
    assert output["parameters"] == {"binary_data_size": len(answer.body) - length}
    np.testing.assert_array_equal(got.reshape(output["shape"]), np.array(wanted).reshape(-1))


def test_texts(places, http_ask):
    answer = http_ask(places[0], "POST", INFER, asked("string", tensor(["a", "é"], "BYTES"))).json
    [output] = answer["outputs"]
    assert output["parameters"] == {"content_type": "base64"}
    assert [base64.b64decode(one).decode() for one in output["data"]] == ["a!", "é!"]
    content = b"".join(struct.pack("<I", len(one)) + one for one in (b"\x00\xff", b""))
    request = asked("bytes", sized(content, "BYTES", (2,)))
    request["parameters"]["binary_data_output"] = True
    body, headers = raw(request, content)
    answer = http_ask(places[0], "POST", INFER, body, **headers)
    assert answer.body[int(answer.headers[HEADER]) :] == content


def test_bytes_of_one_type_and_another(places, http_ask):
    answer = http_ask(places[0], "POST", INFER, asked("byte", tensor([0, 255], "UINT8"))).json
    assert (answer["outputs"][0]["datatype"], answer["outputs"][0]["data"]) == ("INT32", [0, 255])


def test_outputs_are_chosen_one_by_one(places, http_ask):
    chosen = [{"name": "b", "parameters": {"binary_data": True}}, {"name": "a"}]
    answer = http_ask(places[0], "POST", INFER, asked("two", tensor([1]), outputs=chosen))
    length = int(answer.headers[HEADER])
    b, a = json.loads(answer.body[:length])["outputs"]
    assert a["data"] == [2.0] and b["shape"] == [1, 2] and "data" not in b
    np.testing.assert_array_equal(np.frombuffer(answer.body[length:], "<f4"), [1, 1])


REFUSED = [
    # request, status, words
    ({}, 400, '"inputs", a list of tensors'),
    ({"inputs": [1]}, 400, "must be a list of objects"),
    (asked("float", {}), 400, "each tensor needs 'name'"),
    (asked("nothing", tensor([1])), 400, "there is no signature 'nothing'"),
    (asked("float", tensor([1], name="y")), 400, "there is no input 'y': the model takes x"),
    (asked("float", tensor([1]), tensor([1])), 400, "sent twice"),
    (asked("pair", tensor([1], name="a")), 400, "missing inputs: b"),
    (asked("float", tensor([1], "INT32")), 400, "has the datatype INT32, the model takes FP32"),
    (asked("float", tensor(["1"])), 400, "not of the type FP32"),
    (asked("float", tensor([True])), 400, "not of the type FP32"),
    (asked("float", tensor([None])), 400, "not of the type FP32"),
    (asked("float", tensor([1], shape=[2])), 400, "has 1 values, which is not [2]"),
    (asked("float", tensor([1], shape=[-1])), 400, "must be integers from 0"),
    (asked("float", tensor([1], shape=[1] * 17)), 400, "at most 16 sizes"),
    (asked("float", tensor({})), 400, "needs data, a list"),
    (asked("int", tensor([1.0], "INT32")), 400, "not of the type INT32"),
    (asked("int", tensor([2**31], "INT32")), 400, "not of the type INT32"),
    (asked("matrix", tensor([1, 2, 3], shape=[1, 3])), 400, ""),
    (asked("float", sized(b"1234")), 400, "binary_data_size 4 is not in the body"),
    (asked("float", tensor([1]), outputs=[{"name": "z"}]), 400, "there is no output 'z'"),
    (
        asked("float", tensor([1], parameters={"shared_memory_region": "a"})),
        400,
        "shared memory is not served",
    ),
    ({**asked("float", tensor([1])), "id": 1}, 400, "id and parameters.signature_name"),
]


@pytest.mark.parametrize("request_, status, words", REFUSED)
def test_refused(places, http_ask, request_, status, words):
    answer = http_ask(places[0], "POST", INFER, request_)
    assert answer.status == status, answer.body
    assert words in answer.json["error"]


@pytest.mark.parametrize(
    ("contents", "more", "words"),
    [
        ([b"123"], {}, "has 3 bytes, which is not its shape [1]"),
        ([b"1234", b"5"], {}, "1 bytes after the JSON belong to no input"),
        ([b"1234"], {HEADER: "99999"}, "must be 0 to"),
        ([b"1234"], {HEADER: "-1"}, "must be 0 to"),
        ([b"1234"], {HEADER: "٣"}, "must be 0 to"),
    ],
)
def test_raw_bytes_that_do_not_fit_are_refused(places, http_ask, contents, more, words):
    body, headers = raw(asked("float", sized(contents[0])), *contents)
    more = {name: value.encode().decode("latin-1") for name, value in more.items()}
    answer = http_ask(places[0], "POST", INFER, body, **{**headers, **more})
    assert answer.status == 400 and words in answer.json["error"]


def test_a_text_that_ends_too_early_is_refused(places, http_ask):
    for content in (b"\x05\0\0\0abc", b"\x01\0"):
        body, headers = raw(asked("bytes", sized(content, "BYTES")), content)
        answer = http_ask(places[0], "POST", INFER, body, **headers)
        assert answer.status == 400 and "ends within a text" in answer.json["error"]


def test_metadata_and_health(places, http_ask):
    assert http_ask(places[0], "GET", "/v2/health/live").json == {"live": True}
    assert http_ask(places[0], "GET", "/v2/health/ready").status == 200
    assert http_ask(places[0], "GET", "/v2").json["name"] == "ganvas"
    assert http_ask(places[0], "GET", "/v2/models/gan/ready").json == {"name": "gan", "ready": True}
    facts = http_ask(places[0], "GET", "/v2/models/gan").json
    assert facts["platform"] in ("tensorflow_savedmodel", "litert", "onnx_onnxv1")
    assert "1" in facts["versions"]
    assert {one["name"] for one in facts["inputs"]} >= {"z"}
    assert facts["inputs"][-1]["datatype"] == "FP32" and facts["inputs"][-1]["shape"][0] == -1
    for path in ("/v2/models/none", "/v2/models/gan/versions/99", "/v2/models/none/ready"):
        assert http_ask(places[0], "GET", path).status == 404
    assert http_ask(places[0], "GET", INFER).status == 400
    assert http_ask(places[0], "GET", "/v2/none").status == 404
