/** The messages of onnx-schema.ts as TypeScript sees them (protobuf-es names). int64 fields are bigint. */

export interface OnnxEntry {
  key?: string;
  value?: string;
}

export interface OnnxTensor {
  dims?: bigint[];
  dataType?: number;
  floatData?: number[];
  int32Data?: number[];
  int64Data?: bigint[];
  doubleData?: number[];
  uint64Data?: bigint[];
  stringData?: Uint8Array[];
  name?: string;
  rawData?: Uint8Array;
  externalData?: OnnxEntry[];
  /** 1: external. */
  dataLocation?: number;
}

export interface OnnxAttribute {
  name?: string;
  /** See ATTRIBUTE_TYPES. */
  type?: number;
  f?: number;
  i?: bigint;
  s?: Uint8Array;
  t?: OnnxTensor;
  g?: OnnxGraph;
  floats?: number[];
  ints?: bigint[];
  strings?: Uint8Array[];
}

export interface OnnxNode {
  input?: string[];
  output?: string[];
  name?: string;
  opType?: string;
  domain?: string;
  attribute?: OnnxAttribute[];
  metadataProps?: OnnxEntry[];
}

export interface OnnxDimension {
  value?:
    | { case: 'dimValue'; value: bigint }
    | { case: 'dimParam'; value: string }
    | { case: undefined; value?: undefined };
}

export interface OnnxValueInfo {
  name?: string;
  type?: { tensorType?: { elemType?: number; shape?: { dim?: OnnxDimension[] } } };
}

export interface OnnxGraph {
  name?: string;
  node?: OnnxNode[];
  initializer?: OnnxTensor[];
  input?: OnnxValueInfo[];
  output?: OnnxValueInfo[];
  valueInfo?: OnnxValueInfo[];
  metadataProps?: OnnxEntry[];
}

export interface OnnxModel {
  irVersion?: bigint;
  producerName?: string;
  producerVersion?: string;
  graph?: OnnxGraph;
  opsetImport?: { domain?: string; version?: bigint }[];
  metadataProps?: OnnxEntry[];
  functions?: { name?: string; domain?: string }[];
}

export const ATTRIBUTE_TYPES = {
  FLOAT: 1,
  INT: 2,
  STRING: 3,
  TENSOR: 4,
  GRAPH: 5,
  FLOATS: 6,
  INTS: 7,
  STRINGS: 8,
} as const;
