"""Access log, ids, traces: one record for each request, which nobody can forge."""

import json
import logging
import re
import sys
import time

import numpy as np
import pytest

from ganvas.base.log_lines import OneLine, OneObject

pytest.importorskip("tensorflow_serving")

import grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

Z = {"instances": [[0.1] * 4]}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def server(serve, gan):
    from ganvas.serve.config import Entry

    with serve([Entry("gan", gan)]) as running:
        yield running


@pytest.fixture
def records(caplog):
    """The facts of the records so far."""
    caplog.set_level(logging.INFO, "ganvas.serve.access")
    return lambda: [r.facts for r in caplog.records if r.name == "ganvas.serve.access"]


def test_a_record_of_each_rest_request(server, records):
    sent = {"x-request-id": "mine-1", "traceparent": PARENT}
    answer = server.ask("POST", "/v1/models/gan:predict", Z, **sent)
    assert answer.headers["x-request-id"] == "mine-1"
    missing = server.ask("GET", "/v1/models/none")
    assert server.ask("GET", "/readyz").headers["x-request-id"]
    until(lambda: len(records()) == 2)
    good, bad = records()
    assert good | {"seconds": 0} == {
        "protocol": "REST", "method": "POST", "path": "/v1/models/gan:predict",
        "client": "127.0.0.1", "request_id": "mine-1", "trace_id": TRACE, "status": 200,
        "seconds": 0, "bytes": len(answer.body),
    }  # fmt: skip
    assert 0 < good["seconds"] < 30
    assert bad["status"] == 404 and "trace_id" not in bad
    assert bad["request_id"] == missing.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", bad["request_id"])


@pytest.mark.parametrize("value", ["a b", "x" * 65, "\u00e9", PARENT.replace("00-4", "ff-4")])
def test_what_is_no_id_is_not_taken(server, records, value):
    server.ask("GET", "/v1/models/gan", **{"x-request-id": value[:70], "traceparent": value})
    until(records)
    (found,) = records()
    assert "trace_id" not in found
    assert (found["request_id"] == value) == value.startswith("ff-")


def test_a_record_of_each_call(server, records):
    with grpc.insecure_channel(server.grpc.removeprefix("grpc://")) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "gan"
        import tensorflow as tf

        request.inputs["z"].CopyFrom(tf.make_tensor_proto(np.full((1, 4), 0.1, np.float32)))
        sent = [("x-request-id", "call-1"), ("traceparent", PARENT)]
        _, call = stub.Predict.with_call(request, metadata=sent)
        assert dict(call.initial_metadata())["x-request-id"] == "call-1"
        request.model_spec.name = "none"
        with pytest.raises(grpc.RpcError):
            stub.Predict(request)
    until(lambda: len(records()) == 2)  # a record is written after its answer was sent
    good, bad = records()
    assert (good["status"], good["request_id"], good["trace_id"]) == ("OK", "call-1", TRACE)
    assert good["method"] == "/tensorflow.serving.PredictionService/Predict"
    assert bad["status"] == "NOT_FOUND" and good["client"].startswith("ipv4:127.0.0.1")


def test_a_path_cannot_look_like_another_record(server, caplog):
    caplog.set_level(logging.INFO, "ganvas.serve.access")
    server.ask("GET", "/v1/models/x%0Astatus=200%1b" + "x" * 300)
    until(lambda: caplog.records)
    (record,) = [r for r in caplog.records if r.name == "ganvas.serve.access"]
    line = OneLine().format(record)
    assert len(line.splitlines()) == 1 and "path=/v1/models/x%0Astatus=200%1b" in line
    found = json.loads(OneObject().format(record))
    assert found["status"] == 404 and found["level"] == "INFO" and "message" not in found
    assert len(found["path"]) == 200


def test_other_records_as_objects():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 1, "a %s", ("b",), sys.exc_info())
    found = json.loads(OneObject().format(record))
    assert (found["message"], found["logger"]) == ("a b", "x") and "two\nlines" in found["error"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", found["time"])


def test_spans_need_the_extra(monkeypatch):
    import importlib.util

    from ganvas.errors import UsageError
    from ganvas.serve.observing import tracer
    from refusals import refuses

    assert tracer() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with refuses(UsageError, "ganvas[otel]"):
        tracer()


@pytest.mark.proof
def test_spans_arrive(serve, gan, monkeypatch):
    """Sent for real to a collector of this test, which reads them by OpenTelemetry's messages."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra: 'ganvas[otel]'")
    import http.server
    import threading

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from ganvas.serve.config import Entry

    spans = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv(
            "OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}"
        )
        with serve([Entry("gan", gan)]) as running:
            running.ask("POST", "/v1/models/gan:predict", Z, traceparent=PARENT)
            running.ask("GET", "/readyz")
        running.server._spans.span_processor.force_flush()
        collector.shutdown()
    (span,) = spans
    assert span.name == "POST predict" and span.trace_id.hex() == TRACE
    facts = {one.key: one.value for one in span.attributes}
    assert facts["ganvas.status"].int_value == 200
