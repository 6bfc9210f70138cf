"""Own messages of TensorFlow Serving's API: what they have is what its packages have."""

import pytest

pytest.importorskip("tensorflow_serving")

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pool
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2  # noqa: F401
from tensorflow_serving.apis import (  # noqa: F401
    model_service_pb2,
    prediction_log_pb2,
    prediction_service_pb2,
)

from ganvas.serve import definitions, messages, protos

THEIRS = descriptor_pool.Default()
LINES = [
    *(("tensorflow", line) for line in definitions.TENSORFLOW.strip().splitlines()),
    *(("tensorflow.serving", line) for line in definitions.SERVING.strip().splitlines()),
]
NAMES = [f"{package}.{line.partition(':')[0]}" for package, line in LINES]


def facts(field):
    """What two sides must agree on to read each other's bytes and text."""
    kind = field.message_type or field.enum_type
    options = getattr(field.message_type, "GetOptions", lambda: None)()
    entry = tuple(map(facts, field.message_type.fields)) if options and options.map_entry else ()
    oneof = field.containing_oneof
    # An optional field of proto3 is a oneof of its own, which has no effect on the bytes.
    name = oneof.name if oneof and oneof.name != f"_{field.name}" else ""
    return (field.name, field.number, field.type, field.is_repeated, name,
            entry or (kind and kind.full_name))  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_those_of_tensorflow(name):
    ours = messages.POOL.FindMessageTypeByName(name)
    theirs = THEIRS.FindMessageTypeByName(name)
    assert {facts(field) for field in ours.fields} <= {facts(field) for field in theirs.fields}


@pytest.mark.parametrize("name", definitions.ENUMS)
def test_enums_are_those_of_tensorflow(name):
    ours, theirs = messages.POOL.FindEnumTypeByName(name), THEIRS.FindEnumTypeByName(name)
    values = {value.name: value.number for value in theirs.values}
    own = {value.name: value.number for value in ours.values}
    assert own.items() <= values.items()
    missing = set(values) - set(own)
    assert all(name.startswith("DO_NOT_USE") for name in missing)


def test_services_are_those_of_tensorflow_serving():
    for name in list(definitions.SERVICES)[:2]:
        sides = [pool.FindServiceByName(name)
                 for pool in (messages.POOL, THEIRS)]  # fmt: skip
        ours, theirs = (
            {m.name: (m.input_type.full_name, m.output_type.full_name) for m in side.methods}
            for side in sides
        )
        assert ours == theirs


KINDS = [np.float16, np.float32, np.float64, np.int8, np.uint8, np.int16, np.uint16, np.int32,
         np.uint32, np.int64, np.uint64, np.bool_, np.complex64, np.complex128]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_are_those_of_tensorflow(kind):
    """Raw bytes; typed fields with all values, fewer or none; and back."""
    array = np.arange(6).reshape(2, 3).astype(kind)
    raw = tf.make_tensor_proto(array)
    for sent in (raw, *(theirs(protos.write(array.ravel()[:few])) for few in (6, 2, 1, 0))):
        if sent is raw or not sent.tensor_content:
            sent.tensor_shape.CopyFrom(raw.tensor_shape)
        own = messages.TensorProto.FromString(sent.SerializeToString())
        found, wanted = protos.to_array(own), tf.make_ndarray(sent)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(tf.make_ndarray(theirs(protos.write(array))), array)


def test_pairs_are_complex_numbers():
    sent = tensor_pb2.TensorProto(dtype=8, scomplex_val=[1, 2, 3, 4, 5])
    sent.tensor_shape.dim.add(size=3)
    own = messages.TensorProto.FromString(sent.SerializeToString())
    np.testing.assert_array_equal(protos.to_array(own), tf.make_ndarray(sent))


def theirs(proto):
    return tensor_pb2.TensorProto.FromString(proto.SerializeToString())


def test_fields_that_are_left_out_are_kept():
    log = prediction_log_pb2.PredictionLog()
    log.log_metadata.dc = "here"
    log.predict_log.request.client_id = b"me"
    content = messages.PredictionLog.FromString(log.SerializeToString()).SerializeToString()
    assert prediction_log_pb2.PredictionLog.FromString(content) == log
