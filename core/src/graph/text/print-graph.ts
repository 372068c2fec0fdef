/** The text form of a graph: one line a value, readable and parsable (see parse-graph.ts for the grammar).
 *
 *  graph demo
 *  input x : float32[4, 8]
 *  parameter w : float32[8, 3] -> w_next
 *  const half : float32[] = [0.5]
 *  layers.0/MatMul = MatMul(x, w) : float32[4, 3] @ module="layers.0"
 *  v, i = TopK(x) {k=2, axis=1} : float32[4, 2], int64[4, 2] as TopK_7
 *  output v */
import { formatShape, numel, type Tensor } from '../../tensor/index.ts';
import { shortestFloat32 } from '../shortest-float.ts';
import type { AttributeSpec } from '../ops/attribute-specs.ts';
import { isOpName, OP_SCHEMAS } from '../ops/op-schemas.ts';
import type { AttributeValue, Graph, GraphNode, GraphValue } from '../types.ts';
import { base64FromBytes } from './base64.ts';

/** Longer constants are written in base64. */
const MAX_PRINTED_ELEMENTS = 16;
const BARE_NAME = /^[A-Za-z_][\w./:#~$!?*+-]*$/;

export interface PrintGraphOptions {
  /** false leaves out the elements of long constants; the text then cannot be parsed. Default true. */
  readonly longConstants?: boolean;
}

/** @returns the text, lines in the order inputs, states, constants, nodes, outputs. Cost: O(nodes + bytes of constants). */
export function printGraph(graph: Graph, { longConstants = true }: PrintGraphOptions = {}): string {
  const lines = [`graph ${nameText(graph.name)}`];
  const nameOf = (id: number) => (id < 0 ? '-' : nameText(graph.values[id]?.name ?? `#${id}`));
  for (const id of graph.inputs) lines.push(`input ${declaration(graph.values[id]!)}`);
  for (const state of graph.states) {
    const value = graph.values[state.value]!;
    const stateName = state.name === value.name ? '' : ` as ${nameText(state.name)}`;
    const next = state.next === undefined ? '' : ` -> ${nameOf(state.next)}`;
    lines.push(`${state.kind} ${declaration(value)}${next}${stateName}`);
  }
  for (const [id, tensor] of graph.initializers) {
    const isHidden = !longConstants && tensor.data.length > MAX_PRINTED_ELEMENTS;
    lines.push(`const ${declaration(graph.values[id]!)} = ${isHidden ? '…' : tensorText(tensor)}`);
  }
  for (const node of graph.nodes) lines.push(nodeLine(graph, node, nameOf));
  for (const id of graph.outputs) lines.push(`output ${nameOf(id)}`);
  return `${lines.join('\n')}\n`;
}

/** One node's line, for messages and diffs. */
function nodeLine(graph: Graph, node: GraphNode, nameOf: (id: number) => string): string {
  const results = node.outputs.map(nameOf).join(', ');
  const types = node.outputs.map((id) => typeText(graph.values[id]!)).join(', ');
  const isNamedApart = node.outputs.length === 0 || graph.values[node.outputs[0]!]?.name !== node.name;
  return [
    results === '' ? '' : `${results} = `,
    `${node.op}(${node.inputs.map(nameOf).join(', ')})`,
    attributesText(node),
    types === '' ? '' : ` : ${types}`,
    isNamedApart ? ` as ${nameText(node.name)}` : '',
    notesText(node),
  ].join('');
}

function nameText(name: string): string {
  return BARE_NAME.test(name) ? name : JSON.stringify(name);
}

function typeText(value: { readonly dtype: string; readonly shape: readonly number[] }): string {
  return `${value.dtype}${formatShape(value.shape)}`;
}

function declaration(value: GraphValue): string {
  return `${nameText(value.name)} : ${typeText(value)}`;
}

function attributesText(node: GraphNode): string {
  const schema: Readonly<Record<string, AttributeSpec>> = isOpName(node.op) ? OP_SCHEMAS[node.op].attributes : {};
  const items = Object.entries(node.attributes)
    .filter(([name, value]) => value !== undefined && !isDefaultValue(schema[name], value))
    .map(([name, value]) => `${name}=${attributeText(value)}`);
  return items.length === 0 ? '' : ` {${items.join(', ')}}`;
}

function isDefaultValue(spec: AttributeSpec | undefined, value: AttributeValue): boolean {
  // An axis is stored from the front and its default may count from the end: always printed.
  if (spec?.presence !== 'default' || spec.kind === 'axis') return false;
  return JSON.stringify(spec.default) === JSON.stringify(value) && !Object.is(value, -0);
}

function attributeText(value: AttributeValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly (number | string)[]).map(attributeText).join(', ')}]`;
  return numberText(value as number);
}

function numberText(value: number | bigint): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function notesText({ notes }: GraphNode): string {
  const items: string[] = [];
  if (notes.module !== '') items.push(`module=${JSON.stringify(notes.module)}`);
  if (notes.phase !== 'forward') items.push(`phase=${notes.phase}`);
  if (notes.role !== 'none') items.push(`role=${notes.role}`);
  if (notes.group !== undefined) items.push(`group=${JSON.stringify(notes.group)}`);
  if (notes.algorithm !== undefined) items.push(`algorithm=${JSON.stringify(notes.algorithm)}`);
  return items.length === 0 ? '' : ` @ ${items.join(' ')}`;
}

/** Numbers as stored (bit patterns for the small floats), so that parsing gives the same bits. */
function tensorText(tensor: Tensor): string {
  if (numel(tensor.shape) > MAX_PRINTED_ELEMENTS || hasNaN(tensor)) {
    const { buffer, byteOffset, byteLength } = tensor.data;
    return `base64 "${base64FromBytes(new Uint8Array(buffer, byteOffset, byteLength))}"`;
  }
  const numbers = Array.from(tensor.data as ArrayLike<number | bigint>, (each) =>
    numberText(tensor.dtype === 'float32' ? shortestFloat32(each as number) : each),
  );
  return `[${numbers.join(', ')}]`;
}

/** NaN payloads do not survive decimal text. */
function hasNaN(tensor: Tensor): boolean {
  return (tensor.dtype === 'float32' || tensor.dtype === 'float64') && tensor.data.some((each) => Number.isNaN(each));
}
