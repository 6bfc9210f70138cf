"""The messages and services of TensorFlow Serving's API and of the Open Inference Protocol that are
served, as text: what `serve/messages.py` makes classes of.

A message is a line `name: field type number, ...`; a repeated field has `*` after its type, a map
`map KEY VALUE`, a field of a oneof `(NAME)` in the end. Names are within the package, or begin with
`google.`, or with a dot. Fields that nobody here reads are left out; their values are kept.

Source: TensorFlow Serving 2.21, `tensorflow_serving/apis` and `config`; TensorFlow 2.21,
    `tensorflow/core/framework` and `protobuf`; `grpc_service.proto` of
    kserve/open-inference-protocol. Field numbers are part of the protocol.
"""

from __future__ import annotations

TYPES = (
    "INVALID", "FLOAT", "DOUBLE", "INT32", "UINT8", "INT16", "INT8", "STRING", "COMPLEX64", "INT64",
    "BOOL", "QINT8", "QUINT8", "QINT32", "BFLOAT16", "QINT16", "QUINT16", "UINT16", "COMPLEX128",
    "HALF", "RESOURCE", "VARIANT", "UINT32", "UINT64", "FLOAT8_E5M2", "FLOAT8_E4M3FN",
    "FLOAT8_E4M3FNUZ", "FLOAT8_E4M3B11FNUZ", "FLOAT8_E5M2FNUZ", "INT4", "UINT4", "INT2", "UINT2",
    "FLOAT4_E2M1FN",
)  # fmt: skip
"""tensorflow.DataType: DT_ and these, by number. References are DT_..._REF, and 100 more."""

TENSORFLOW = """
TensorShapeProto.Dim: size int64 1, name string 2
TensorShapeProto: dim TensorShapeProto.Dim* 2, unknown_rank bool 3
TensorProto: dtype DataType 1, tensor_shape TensorShapeProto 2, version_number int32 3,\
 tensor_content bytes 4, half_val int32* 13, float_val float* 5, double_val double* 6,\
 int_val int32* 7, string_val bytes* 8, scomplex_val float* 9, int64_val int64* 10,\
 bool_val bool* 11, dcomplex_val double* 12, uint32_val uint32* 16, uint64_val uint64* 17,\
 float8_val bytes 18
TensorInfo.CooSparse: values_tensor_name string 1, indices_tensor_name string 2,\
 dense_shape_tensor_name string 3
TensorInfo: name string 1 (encoding), coo_sparse TensorInfo.CooSparse 4 (encoding),\
 dtype DataType 2, tensor_shape TensorShapeProto 3
SignatureDef: inputs map string TensorInfo 1, outputs map string TensorInfo 2,\
 method_name string 3, defaults map string TensorProto 4
MetaGraphDef.MetaInfoDef: tags string* 4
MetaGraphDef: meta_info_def MetaGraphDef.MetaInfoDef 1, signature_def map string SignatureDef 5
SavedModel: saved_model_schema_version int64 1, meta_graphs MetaGraphDef* 2
BytesList: value bytes* 1
FloatList: value float* 1
Int64List: value int64* 1
Feature: bytes_list BytesList 1 (kind), float_list FloatList 2 (kind), int64_list Int64List 3 (kind)
Features: feature map string Feature 1
Example: features Features 1
"""

SERVING = """
ModelSpec: name string 1, version google.protobuf.Int64Value 2 (version_choice),\
 version_label string 4 (version_choice), signature_name string 3
PredictRequest: model_spec ModelSpec 1, inputs map string .tensorflow.TensorProto 2,\
 output_filter string* 3
PredictResponse: model_spec ModelSpec 2, outputs map string .tensorflow.TensorProto 1
ExampleList: examples .tensorflow.Example* 1
ExampleListWithContext: examples .tensorflow.Example* 1, context .tensorflow.Example 2
Input: example_list ExampleList 1 (kind), example_list_with_context ExampleListWithContext 2 (kind)
ClassificationRequest: model_spec ModelSpec 1, input Input 2
Class: label string 1, score float 2
Classifications: classes Class* 1
ClassificationResult: classifications Classifications* 1
ClassificationResponse: model_spec ModelSpec 2, result ClassificationResult 1
RegressionRequest: model_spec ModelSpec 1, input Input 2
Regression: value float 1
RegressionResult: regressions Regression* 1
RegressionResponse: model_spec ModelSpec 2, result RegressionResult 1
InferenceTask: model_spec ModelSpec 1, method_name string 2
InferenceResult: model_spec ModelSpec 1, classification_result ClassificationResult 2 (result),\
 regression_result RegressionResult 3 (result)
MultiInferenceRequest: tasks InferenceTask* 1, input Input 2
MultiInferenceResponse: results InferenceResult* 1
GetModelMetadataRequest: model_spec ModelSpec 1, metadata_field string* 2
GetModelMetadataResponse: model_spec ModelSpec 1, metadata map string google.protobuf.Any 2
SignatureDefMap: signature_def map string .tensorflow.SignatureDef 1
StatusProto: error_code .tensorflow.error.Code 1, error_message string 2
GetModelStatusRequest: model_spec ModelSpec 1
ModelVersionStatus: version int64 1, state ModelVersionStatus.State 2, status StatusProto 3
GetModelStatusResponse: model_version_status ModelVersionStatus* 1
LogCollectorConfig: type string 1, filename_prefix string 2
PerTaskSamplingConfig: dc string 1, task_index int32 2, sampling_rate double 3
SamplingConfig: sampling_rate double 1, per_task_sampling_configs PerTaskSamplingConfig* 3,\
 attributes int32 2
LoggingConfig: log_collector_config LogCollectorConfig 1, sampling_config SamplingConfig 2,\
 custom_logging_config google.protobuf.Any 3
FileSystemStoragePathSourceConfig.ServableVersionPolicy.Latest: num_versions uint32 1
FileSystemStoragePathSourceConfig.ServableVersionPolicy.All:
FileSystemStoragePathSourceConfig.ServableVersionPolicy.Specific: versions int64* 1
FileSystemStoragePathSourceConfig.ServableVersionPolicy:\
 latest FileSystemStoragePathSourceConfig.ServableVersionPolicy.Latest 100 (policy_choice),\
 all FileSystemStoragePathSourceConfig.ServableVersionPolicy.All 101 (policy_choice),\
 specific FileSystemStoragePathSourceConfig.ServableVersionPolicy.Specific 102 (policy_choice)
FileSystemStoragePathSourceConfig:
ModelConfig: name string 1, base_path string 2, model_type ModelType 3, model_platform string 4,\
 model_version_policy FileSystemStoragePathSourceConfig.ServableVersionPolicy 7,\
 version_labels map string int64 8, logging_config LoggingConfig 6
ModelConfigList: config ModelConfig* 1
ModelServerConfig: model_config_list ModelConfigList 1 (config),\
 custom_model_config google.protobuf.Any 2 (config)
Metric: name string 1, int64_value_increase int64 2 (value_increase)
ReloadConfigRequest: config ModelServerConfig 1, metric_names string* 2
ReloadConfigResponse: status StatusProto 1, metric Metric* 2
ClassifyLog: request ClassificationRequest 1, response ClassificationResponse 2
RegressLog: request RegressionRequest 1, response RegressionResponse 2
PredictLog: request PredictRequest 1, response PredictResponse 2
PredictStreamedLog: request PredictRequest* 1, response PredictResponse* 2
MultiInferenceLog: request MultiInferenceRequest 1, response MultiInferenceResponse 2
SessionRunLog:
PredictionLog: classify_log ClassifyLog 2 (log_type), regress_log RegressLog 3 (log_type),\
 predict_log PredictLog 6 (log_type), predict_streamed_log PredictStreamedLog 7 (log_type),\
 multi_inference_log MultiInferenceLog 4 (log_type), session_run_log SessionRunLog 5 (log_type)
"""

BATCHING = """
BatchingParameters: max_batch_size google.protobuf.Int64Value 1,\
 batch_timeout_micros google.protobuf.Int64Value 2,\
 max_enqueued_batches google.protobuf.Int64Value 3,\
 num_batch_threads google.protobuf.Int64Value 4,\
 max_execution_batch_size google.protobuf.Int64Value 5,\
 thread_pool_name google.protobuf.StringValue 6,\
 enable_large_batch_splitting google.protobuf.BoolValue 7, allowed_batch_sizes int64* 20,\
 pad_variable_length_inputs bool 21
"""
"""Only its text form is read, which has no numbers; no Python package contains it."""

INFERENCE = """
ServerLiveRequest:
ServerLiveResponse: live bool 1
ServerReadyRequest:
ServerReadyResponse: ready bool 1
ModelReadyRequest: name string 1, version string 2
ModelReadyResponse: ready bool 1
ServerMetadataRequest:
ServerMetadataResponse: name string 1, version string 2, extensions string* 3
ModelMetadataRequest: name string 1, version string 2
ModelMetadataResponse.TensorMetadata: name string 1, datatype string 2, shape int64* 3
ModelMetadataResponse: name string 1, versions string* 2, platform string 3,\
 inputs ModelMetadataResponse.TensorMetadata* 4, outputs ModelMetadataResponse.TensorMetadata* 5
InferParameter: bool_param bool 1 (parameter_choice), int64_param int64 2 (parameter_choice),\
 string_param string 3 (parameter_choice), double_param double 4 (parameter_choice),\
 uint64_param uint64 5 (parameter_choice)
InferTensorContents: bool_contents bool* 1, int_contents int32* 2, int64_contents int64* 3,\
 uint_contents uint32* 4, uint64_contents uint64* 5, fp32_contents float* 6,\
 fp64_contents double* 7, bytes_contents bytes* 8
ModelInferRequest.InferInputTensor: name string 1, datatype string 2, shape int64* 3,\
 parameters map string InferParameter 4, contents InferTensorContents 5
ModelInferRequest.InferRequestedOutputTensor: name string 1,\
 parameters map string InferParameter 2
ModelInferRequest: model_name string 1, model_version string 2, id string 3,\
 parameters map string InferParameter 4, inputs ModelInferRequest.InferInputTensor* 5,\
 outputs ModelInferRequest.InferRequestedOutputTensor* 6, raw_input_contents bytes* 7
ModelInferResponse.InferOutputTensor: name string 1, datatype string 2, shape int64* 3,\
 parameters map string InferParameter 4, contents InferTensorContents 5
ModelInferResponse: model_name string 1, model_version string 2, id string 3,\
 parameters map string InferParameter 4, outputs ModelInferResponse.InferOutputTensor* 5,\
 raw_output_contents bytes* 6
"""
"""Version 2 of the Open Inference Protocol."""

ENUMS = {
    "tensorflow.error.Code": {
        "OK": 0, "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4,
        "NOT_FOUND": 5, "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "UNAUTHENTICATED": 16,
        "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "ABORTED": 10, "OUT_OF_RANGE": 11,
        "UNIMPLEMENTED": 12, "INTERNAL": 13, "UNAVAILABLE": 14, "DATA_LOSS": 15,
    },
    "tensorflow.serving.ModelType": {"MODEL_TYPE_UNSPECIFIED": 0, "TENSORFLOW": 1, "OTHER": 2},
    "tensorflow.serving.ModelVersionStatus.State": {
        "UNKNOWN": 0, "START": 10, "LOADING": 20, "AVAILABLE": 30, "UNLOADING": 40, "END": 50,
    },
    "tensorflow.DataType": {
        f"DT_{name}{end}": number + more
        for end, more in (("", 0), ("_REF", 100))
        for number, name in enumerate(TYPES)
        if number or not more
    },
}  # fmt: skip

SERVICES = {
    "tensorflow.serving.PredictionService": {
        "Classify": ("ClassificationRequest", "ClassificationResponse"),
        "Regress": ("RegressionRequest", "RegressionResponse"),
        "Predict": ("PredictRequest", "PredictResponse"),
        "MultiInference": ("MultiInferenceRequest", "MultiInferenceResponse"),
        "GetModelMetadata": ("GetModelMetadataRequest", "GetModelMetadataResponse"),
    },
    "tensorflow.serving.ModelService": {
        "GetModelStatus": ("GetModelStatusRequest", "GetModelStatusResponse"),
        "HandleReloadConfigRequest": ("ReloadConfigRequest", "ReloadConfigResponse"),
    },
    "inference.GRPCInferenceService": {
        method: (f"{method}Request", f"{method}Response")
        for method in (
            "ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata",
            "ModelInfer",
        )
    },
}  # fmt: skip
"""Method -> message of the request and of the response, in the package of the service."""
