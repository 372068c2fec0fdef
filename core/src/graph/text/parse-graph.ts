/** Reads the text form that printGraph writes.
 *
 *  graph    := `graph` name, then lines
 *  line     := kind name `:` type [`->` name] [`as` name]            kind: input, parameter, optimizer, buffer
 *            | `const` name `:` type `=` (list | `base64` string)
 *            | [names `=`] Op `(` names `)` [`{` attribute=value, … `}`] [`:` types] [`as` name] [`@` note=value …]
 *            | `output` name
 *  A name is bare or a JSON string; `-` stands for an absent input; `//` starts a comment line. */
import { DTYPES, equalShapes, formatShape, type Dtype, type DtypeInfo, type Tensor } from '../../tensor/index.ts';
import { nearestNameHints, TenfoldError } from '../../base/index.ts';
import { graphError } from '../graph-errors.ts';
import { completeAttributes } from '../ops/complete-attributes.ts';
import { inferTypes } from '../ops/infer-types.ts';
import { isOpName, OP_NAMES } from '../ops/op-schemas.ts';
import type { ValueType } from '../ops/rule-context.ts';
import type { AttributeValue, Graph, GraphNode, GraphState, GraphValue, NodeNotes, ValueId } from '../types.ts';
import { bytesFromBase64 } from './base64.ts';
import { createLineReader, type LineReader } from './line-reader.ts';

const STATE_KINDS: readonly string[] = ['parameter', 'optimizer', 'buffer'];

/** @throws TF-GRAPH-009 with the line, or the error of a node's type rule. Cost: O(length). */
export function parseGraph(text: string): Graph {
  const values: GraphValue[] = [];
  const nodes: GraphNode[] = [];
  const inputs: ValueId[] = [];
  const outputs: ValueId[] = [];
  const states: (GraphState & { readonly nextName?: string })[] = [];
  const initializers = new Map<ValueId, Tensor>();
  const idOfName = new Map<string, ValueId>();
  let graphName: string | undefined;

  function define(reader: LineReader, name: string, type: ValueType): ValueId {
    if (idOfName.has(name)) reader.fail(`names must be unique`, `"${name}" twice`);
    const id = values.length;
    values.push({ id, name, dtype: type.dtype, shape: type.shape });
    idOfName.set(name, id);
    return id;
  }

  function lookUp(reader: LineReader, name: string): ValueId {
    const id = idOfName.get(name);
    if (id === undefined)
      reader.fail('a value that is defined above', `"${name}"`, nearestNameHints(name, idOfName.keys()));
    return id;
  }

  function readDeclaration(reader: LineReader, keyword: string): void {
    const name = reader.name();
    reader.expect(':');
    const type = readType(reader);
    const id = define(reader, name, type);
    if (keyword === 'input') inputs.push(id);
    else if (keyword === 'const') {
      reader.expect('=');
      initializers.set(id, readTensor(reader, type));
    } else {
      const nextName = reader.accept('->') ? reader.name() : undefined;
      const stateName = reader.accept('as') ? reader.name() : name;
      const state = { name: stateName, value: id, kind: keyword as GraphState['kind'] };
      states.push(nextName === undefined ? state : { ...state, nextName });
    }
  }

  function readNode(reader: LineReader): void {
    const names: string[] = [];
    if (reader.hasBefore('=', '(')) {
      do names.push(reader.name());
      while (reader.accept(','));
      reader.expect('=');
    }
    const op = reader.name();
    if (!isOpName(op)) reader.fail('an op of ours', `"${op}"`, nearestNameHints(op, OP_NAMES));
    reader.expect('(');
    const inputIds: ValueId[] = [];
    while (!reader.accept(')')) {
      inputIds.push(reader.accept('-') ? -1 : lookUp(reader, reader.name()));
      reader.accept(',');
    }
    const given = reader.accept('{') ? readAttributes(reader) : {};
    const printedTypes: ValueType[] = [];
    if (reader.accept(':')) {
      do printedTypes.push(readType(reader));
      while (reader.accept(','));
    }
    const nodeName = reader.accept('as') ? reader.name() : (names[0] ?? op);
    const notes = reader.accept('@') ? readNotes(reader) : NO_NOTES;
    const inputTypes = inputIds.map((id) => values[id]);
    const attributes = completeAttributes({ op, nodeName }, inputTypes, given);
    const types = inferTypes({ op, nodeName, inputs: inputTypes, attributes, numOutputs: names.length });
    for (const [i, printed] of printedTypes.entries()) {
      const type = types[i];
      if (type === undefined || printed.dtype !== type.dtype || !equalShapes(printed.shape, type.shape))
        reader.fail(
          `the type ${type ? `${type.dtype}${formatShape(type.shape)}` : 'of one output less'}`,
          `${printed.dtype}${formatShape(printed.shape)}`,
        );
    }
    const outputIds = names.map((name, i) => define(reader, name, types[i]!));
    nodes.push({ name: nodeName, op, inputs: inputIds, outputs: outputIds, attributes, notes });
  }

  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(\/\/.*)?$/.test(line)) continue;
    const reader = createLineReader(line, index + 1);
    if (graphName === undefined) {
      reader.expect('graph');
      graphName = reader.name();
    } else if (reader.isDeclaration(['input', 'const', ...STATE_KINDS])) readDeclaration(reader, reader.name());
    else if (reader.isDeclaration(['output'])) {
      reader.name();
      outputs.push(lookUp(reader, reader.name()));
    } else readNode(reader);
    reader.expectEnd();
  }
  if (graphName === undefined) {
    throw graphError('TF-GRAPH-009', {
      subject: 'parseGraph',
      expected: 'a first line "graph <name>"',
      actual: 'no lines',
    });
  }
  const finalStates = states.map(({ nextName, ...state }): GraphState => {
    if (nextName === undefined) return state;
    const next = idOfName.get(nextName);
    if (next !== undefined) return { ...state, next };
    throw graphError('TF-GRAPH-009', {
      subject: 'parseGraph',
      expected: `the next value of state "${state.name}" to be defined`,
      actual: `"${nextName}"`,
      hints: nearestNameHints(nextName, idOfName.keys()),
    });
  });
  return { name: graphName, values, nodes, inputs, outputs, states: finalStates, initializers };
}

const NO_NOTES: NodeNotes = { module: '', phase: 'forward', role: 'none' };

function readType(reader: LineReader): ValueType {
  const dtype = reader.name();
  if (!Object.hasOwn(DTYPES, dtype)) reader.fail('a dtype', `"${dtype}"`, nearestNameHints(dtype, Object.keys(DTYPES)));
  reader.expect('[');
  return { dtype: dtype as Dtype, shape: reader.numbers() };
}

function readAttributes(reader: LineReader): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {};
  while (!reader.accept('}')) {
    const name = reader.name();
    reader.expect('=');
    attributes[name] = reader.accept('[') ? reader.numbers() : reader.scalar();
    reader.accept(',');
  }
  return attributes;
}

function readNotes(reader: LineReader): NodeNotes {
  const notes: Record<string, string> = { ...NO_NOTES } as Record<string, string>;
  while (!reader.isAtEnd()) {
    const name = reader.name();
    reader.expect('=');
    notes[name] = reader.name();
  }
  return notes as unknown as NodeNotes;
}

function readTensor(reader: LineReader, { dtype, shape }: ValueType): Tensor {
  const info: DtypeInfo = DTYPES[dtype];
  let data;
  if (reader.accept('base64')) {
    try {
      const bytes = bytesFromBase64(reader.name());
      data = new info.ArrayType(bytes.buffer, 0, Math.floor(bytes.length / info.bytesPerElement));
    } catch (error) {
      if (error instanceof TenfoldError) throw error;
      reader.fail('base64 text', 'something else');
    }
  } else {
    reader.expect('[');
    const words = reader.words();
    data = new info.ArrayType(words.length);
    for (const [i, word] of words.entries())
      data[i] = (
        data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(word) : Number(word)
      ) as never;
  }
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) reader.fail(`${count} elements`, `${data.length}`);
  return { dtype, shape, data } as Tensor;
}
