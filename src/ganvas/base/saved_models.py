"""SavedModels of others. A graph may hold operations that read and write files, contact servers or
run Python, and loading runs some of its functions. So each operation of the file is checked first:
accepted are those that compute on tensors and on variables in memory, and no others."""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from ..errors import ModelError
from .arrays import check_expansion
from .compat.tensorflow import op_def

FILE = "saved_model.pb"
LARGEST = 2**30
"""Most bytes of saved_model.pb (1 GiB); weights are in other files."""

_SAVER = {"SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename"}
_UNUSUAL = re.compile("_|Xla|Debug|Dummy|DTensor|.*(TPU|Tpu|Mkl)")
_OPAQUE = {types_pb2.DT_STRING, types_pb2.DT_RESOURCE, types_pb2.DT_VARIANT}
_WORDS = {
    "activation_mode", "bad_indices_policy", "data_format", "dst_format", "equation", "fill_mode",
    "frame_name", "interpolation", "kernel_type", "message", "noise", "src_format",
}  # fmt: skip
"""Attributes that are free texts, and name neither a file, an address nor a program."""
_LISTED = """
VarHandleOp ReadVariableOp AssignVariableOp AssignAddVariableOp AssignSubVariableOp
VarIsInitializedOp VariableShape DestroyResourceOp DisableCopyOnRead ResourceGather ResourceGatherNd
ResourceScatterAdd ResourceScatterUpdate ResourceScatterNdUpdate ResourceStridedSliceAssign

PartitionedCall StatefulPartitionedCall If While Case Assert CheckNumerics CheckNumericsV2
Empty GuaranteeConst

RandomUniform RandomUniformInt RandomStandardNormal TruncatedNormal RandomGamma RandomPoissonV2
RandomShuffle Multinomial StatelessRandomGetAlg RngReadAndSkip RngSkip NonDeterministicInts
StatefulUniform StatefulUniformInt StatefulUniformFullInt StatefulStandardNormalV2
StatefulTruncatedNormal StatefulRandomBinomial

HashTableV2 AnonymousHashTable MutableHashTableV2 AnonymousMutableHashTable InitializeTableV2
LookupTableFindV2 LookupTableInsertV2 LookupTableSizeV2 LookupTableImportV2 LookupTableExportV2

EmptyTensorList TensorListConcatLists TensorListConcatV2 TensorListElementShape TensorListFromTensor
TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
TensorListPushBackBatch TensorListReserve TensorListResize TensorListScatterIntoExistingList
TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack TensorArrayV3
TensorArrayCloseV3 TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayGradV3 TensorArrayReadV3
TensorArrayScatterV3 TensorArraySizeV3 TensorArraySplitV3 TensorArrayWriteV3 RaggedTensorToVariant
RaggedTensorFromVariant RangeDataset ReduceDataset SleepDataset

DecodeAndCropJpeg DecodeBmp DecodeGif DecodeImage DecodeJpeg DecodePng DecodeWebP EncodeJpeg
EncodeJpegVariableQuality EncodePng ExtractJpegShape

AsString DecodeBase64 DecodePaddedRaw DecodeRaw EncodeBase64 Fingerprint ParseExample ParseExampleV2
ReduceJoin RegexFullMatch RegexReplace SerializeTensor StaticRegexFullMatch StaticRegexReplace
StringFormat StringJoin StringLength StringLower StringSplitV2 StringStrip StringToHashBucketFast
StringToHashBucketStrong StringToNumber StringUpper Substr UnsortedSegmentJoin
"""
_ACCEPTED = frozenset(_LISTED.split())
"""Operations with a state, with texts or with handles that are harmless: variables in memory; calls
of functions in the same file; random numbers; tables; lists; images; texts. Others are accepted if
TensorFlow declares them stateless and they take numbers alone: some stateless ones use files, such
as ReadFile."""


def load(folder: Path, tags: Iterable[str] | None = None) -> Any:
    """A SavedModel, after `check`.

    Raises: ModelError: it is damaged, or its graph may do more than compute.
    """
    check(folder)
    try:
        return tf.saved_model.load(os.fspath(folder), tags)
    except Exception as error:  # TensorFlow raises nearly anything on damaged files
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{folder} cannot be loaded ({why}): export the model again, or restore the folder"
        ) from error


def check(folder: Path) -> None:
    """Check every operation of a SavedModel; nothing is executed.

    Raises: ModelError: an operation that may do more than compute; it is named.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{path} has more than 1 GiB: weights must be in variables/")
        model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}): give the folder of a SavedModel"
        ) from error
    except DecodeError as error:
        raise ModelError(f"{path} is damaged: export the model again") from error
    if len(model.meta_graphs) != 1 or not model.meta_graphs[0].HasField("object_graph_def"):
        raise ModelError(f"{path} was not written by TensorFlow 2: export the model again")
    graph = model.meta_graphs[0]
    aside, functions = _saver(graph), _functions(graph)
    for function, nodes in functions.items():
        for node in nodes:
            unknown = [name for name in _calls(node) if name not in functions]
            if why := f"a call of {unknown[0]}, which is not in it," if unknown else _refused(node):
                if function in aside and node.op in _SAVER:
                    continue
                where = re.sub("^__inference_+|_[0-9]+$", "", function) or "its graph"
                raise ModelError(
                    f"{path} holds {why} in {where}: a model from elsewhere may only compute; load "
                    "it with TensorFlow if you trust its author"
                )


def _functions(graph: Any) -> Mapping[str, Any]:
    """The nodes of the graph, "", and of its functions by name."""
    library = graph.graph_def.library.function
    return {"": graph.graph_def.node, **{one.signature.name: one.node_def for one in library}}


def _saver(graph: Any) -> set[str]:
    """The functions that save and restore variables for other programs. They may use files, but
    are not run here: nothing else may call them."""
    names = {graph.saver_def.save_tensor_name.partition(":")[0], graph.saver_def.restore_op_name}
    theirs: set[str] = set()
    called = set(graph.object_graph_def.concrete_functions)
    called.update(one.gradient_func for one in graph.graph_def.library.gradient)
    for node in graph.object_graph_def.nodes:
        called.update(node.function.concrete_functions)
        called.add(node.bare_concrete_function.concrete_function_name)
    for function, nodes in _functions(graph).items():
        for node in nodes:
            (theirs if not function and node.name in names else called).update(_calls(node))
    return theirs - called


def _calls(node: Any) -> Iterator[str]:
    """The functions that a node names, also as arguments of functions."""
    rest = list(node.attr.values())
    while rest:
        value = rest.pop()
        for one in (value.func, *value.list.func):
            if one.name:
                yield one.name
            rest.extend(one.attr.values())


def _refused(node: Any) -> str:
    """Why a node is not accepted; empty if it is."""
    if not _accepted(node.op):
        return f"the operation {node.op}"
    for value in node.attr.values():
        if value.HasField("tensor") and (why := _unpacked(value.tensor)):
            return why
    return ""


def _unpacked(constant: Any) -> str:
    """Why a constant is not accepted: one number may stand for a huge array."""
    sides = [max(0, side.size) for side in constant.tensor_shape.dim]
    try:
        size = tf.dtypes.as_dtype(constant.dtype).size or 1
        check_expansion("a constant that", math.prod(sides) * size, constant.ByteSize())
    except (ValueError, TypeError) as error:
        return str(error)
    return ""


@functools.cache
def _accepted(name: str) -> bool:
    definition = op_def(name)
    if definition is None:
        return False
    if name in _ACCEPTED:
        return True
    if definition.is_stateful or _UNUSUAL.match(name):
        return False
    kinds = {one.type for one in (*definition.input_arg, *definition.output_arg)}
    texts = {
        one.name
        for one in definition.attr
        if one.type in ("string", "list(string)") and not one.allowed_values.list.s
    }
    return not kinds & _OPAQUE and texts <= _WORDS
