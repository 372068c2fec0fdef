/** The engine's model as bytes. Weights are states, hence inputs, hence not in here: models stay small.
 *
 *  With `doneSignal` the model gets one more output, first of all: a one-element sequence. ONNX Runtime's Node binding
 *  runs the graph, then turns outputs into JavaScript values in order, and refuses sequences; so a run ends with that
 *  refusal after every preallocated output has been written and before any of them is copied (see cpu/silent-run.ts).
 *  Protobuf merges messages that stand one after the other, so the addition is a prefix and the model stays as written. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { writeOnnx } from '../../graph/index.ts';
import type { Graph } from '../../graph/index.ts';

export const DONE_OUTPUT = 'tenfold.done';
const DONE_CONSTANT = 'tenfold.one';
const ONNX_FLOAT = 1;

/** Field numbers of onnx.proto (ONNX 1.17). */
const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;
const GRAPH_INITIALIZER = 5;
const GRAPH_OUTPUT = 12;
const NODE_INPUT = 1;
const NODE_OUTPUT = 2;
const NODE_NAME = 3;
const NODE_OP_TYPE = 4;
const TENSOR_DIMS = 1;
const TENSOR_DATA_TYPE = 2;
const TENSOR_NAME = 8;
const TENSOR_RAW_DATA = 9;
const VALUE_INFO_NAME = 1;
const VALUE_INFO_TYPE = 2;
const TYPE_SEQUENCE = 4;
const SEQUENCE_ELEM_TYPE = 1;
const TYPE_TENSOR = 1;
const TENSOR_ELEM_TYPE = 1;

export function engineBytes(graph: Graph, options: { readonly doneSignal: boolean }): Uint8Array {
  const { model } = writeOnnx(graph, { notes: false, valueInfo: false, externalThresholdBytes: Infinity });
  if (!options.doneSignal) return model;
  const prefix = doneSignalModel();
  const bytes = new Uint8Array(prefix.length + model.length);
  bytes.set(prefix);
  bytes.set(model, prefix.length);
  return bytes;
}

function doneSignalModel(): Uint8Array {
  const nested = (writer: BinaryWriter, field: number, body: (inner: BinaryWriter) => void): void => {
    writer.tag(field, WireType.LengthDelimited).fork();
    body(writer);
    writer.join();
  };
  const text = (writer: BinaryWriter, field: number, value: string): void => {
    writer.tag(field, WireType.LengthDelimited).string(value);
  };
  const model = new BinaryWriter();
  nested(model, MODEL_GRAPH, (graph) => {
    nested(graph, GRAPH_NODE, (node) => {
      text(node, NODE_INPUT, DONE_CONSTANT);
      text(node, NODE_OUTPUT, DONE_OUTPUT);
      text(node, NODE_NAME, DONE_OUTPUT);
      text(node, NODE_OP_TYPE, 'SequenceConstruct');
    });
    nested(graph, GRAPH_INITIALIZER, (tensor) => {
      tensor.tag(TENSOR_DIMS, WireType.Varint).int64(1);
      tensor.tag(TENSOR_DATA_TYPE, WireType.Varint).int32(ONNX_FLOAT);
      text(tensor, TENSOR_NAME, DONE_CONSTANT);
      tensor.tag(TENSOR_RAW_DATA, WireType.LengthDelimited).bytes(new Uint8Array(4));
    });
    nested(graph, GRAPH_OUTPUT, (info) => {
      text(info, VALUE_INFO_NAME, DONE_OUTPUT);
      nested(info, VALUE_INFO_TYPE, (type) => {
        nested(type, TYPE_SEQUENCE, (sequence) => {
          nested(sequence, SEQUENCE_ELEM_TYPE, (element) => {
            nested(element, TYPE_TENSOR, (tensor) => {
              tensor.tag(TENSOR_ELEM_TYPE, WireType.Varint).int32(ONNX_FLOAT);
            });
          });
        });
      });
    });
  });
  return model.finish();
}
