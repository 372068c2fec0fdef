/** The part of the ONNX file format (onnx.proto, IR version 10) that we read and write, as protobuf descriptors
 *  built at load time: [name, number, type] with `*` for repeated, `!` for repeated packed, `@` for messages. */
import { create, createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';

type FieldRow = readonly [name: string, number: number, type: string, oneof?: string];

const SCALARS: Readonly<Record<string, Type>> = {
  int64: Type.INT64,
  int32: Type.INT32,
  uint64: Type.UINT64,
  float: Type.FLOAT,
  double: Type.DOUBLE,
  string: Type.STRING,
  bytes: Type.BYTES,
};

/** Field numbers of the public format definition. */
const MESSAGES: Readonly<Record<string, readonly FieldRow[]>> = {
  ModelProto: [
    ['ir_version', 1, 'int64'],
    ['producer_name', 2, 'string'],
    ['producer_version', 3, 'string'],
    ['domain', 4, 'string'],
    ['model_version', 5, 'int64'],
    ['doc_string', 6, 'string'],
    ['graph', 7, '@GraphProto'],
    ['opset_import', 8, '*@OperatorSetIdProto'],
    ['metadata_props', 14, '*@StringStringEntryProto'],
    ['functions', 25, '*@FunctionProto'],
  ],
  FunctionProto: [
    ['name', 1, 'string'],
    ['domain', 10, 'string'],
  ],
  OperatorSetIdProto: [
    ['domain', 1, 'string'],
    ['version', 2, 'int64'],
  ],
  StringStringEntryProto: [
    ['key', 1, 'string'],
    ['value', 2, 'string'],
  ],
  GraphProto: [
    ['node', 1, '*@NodeProto'],
    ['name', 2, 'string'],
    ['initializer', 5, '*@TensorProto'],
    ['doc_string', 10, 'string'],
    ['input', 11, '*@ValueInfoProto'],
    ['output', 12, '*@ValueInfoProto'],
    ['value_info', 13, '*@ValueInfoProto'],
    ['metadata_props', 16, '*@StringStringEntryProto'],
  ],
  NodeProto: [
    ['input', 1, '*string'],
    ['output', 2, '*string'],
    ['name', 3, 'string'],
    ['op_type', 4, 'string'],
    ['attribute', 5, '*@AttributeProto'],
    ['doc_string', 6, 'string'],
    ['domain', 7, 'string'],
    ['metadata_props', 9, '*@StringStringEntryProto'],
  ],
  AttributeProto: [
    ['name', 1, 'string'],
    ['f', 2, 'float'],
    ['i', 3, 'int64'],
    ['s', 4, 'bytes'],
    ['t', 5, '@TensorProto'],
    ['g', 6, '@GraphProto'],
    ['floats', 7, '*float'],
    ['ints', 8, '*int64'],
    ['strings', 9, '*bytes'],
    ['type', 20, 'int32'],
  ],
  TensorProto: [
    ['dims', 1, '*int64'],
    ['data_type', 2, 'int32'],
    ['float_data', 4, '!float'],
    ['int32_data', 5, '!int32'],
    ['string_data', 6, '*bytes'],
    ['int64_data', 7, '!int64'],
    ['name', 8, 'string'],
    ['raw_data', 9, 'bytes'],
    ['double_data', 10, '!double'],
    ['uint64_data', 11, '!uint64'],
    ['external_data', 13, '*@StringStringEntryProto'],
    ['data_location', 14, 'int32'],
  ],
  ValueInfoProto: [
    ['name', 1, 'string'],
    ['type', 2, '@TypeProto'],
  ],
  TypeProto: [['tensor_type', 1, '@TypeProtoTensor']],
  TypeProtoTensor: [
    ['elem_type', 1, 'int32'],
    ['shape', 2, '@TensorShapeProto'],
  ],
  TensorShapeProto: [['dim', 1, '*@Dimension']],
  Dimension: [
    ['dim_value', 1, 'int64', 'value'],
    ['dim_param', 2, 'string', 'value'],
  ],
};

function fieldFromRow([name, number, text, oneof]: FieldRow) {
  const marker = text[0]!;
  const isRepeated = marker === '*' || marker === '!';
  const typeName = isRepeated ? text.slice(1) : text;
  const isMessage = typeName.startsWith('@');
  return {
    name,
    number,
    label: isRepeated ? Label.REPEATED : Label.OPTIONAL,
    type: isMessage ? Type.MESSAGE : SCALARS[typeName]!,
    ...(isMessage ? { typeName: `.onnx.${typeName.slice(1)}` } : {}),
    ...(marker === '!' ? { options: { packed: true } } : {}),
    ...(oneof === undefined ? {} : { oneofIndex: 0 }),
  };
}

const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'onnx.proto',
        package: 'onnx',
        syntax: 'proto2',
        messageType: Object.entries(MESSAGES).map(([name, rows]) => ({
          name,
          field: rows.map(fieldFromRow),
          oneofDecl: rows.some((row) => row[3] !== undefined) ? [{ name: 'value' }] : [],
        })),
      },
    ],
  }),
);

/** Descriptor of a whole model file. */
export const MODEL_SCHEMA: DescMessage = registry.getMessage('onnx.ModelProto')!;
