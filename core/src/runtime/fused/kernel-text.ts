/** Parts of kernels' text: bindings, loads, stores. Names depend on the order of first use alone, so that equal kernels of
 *  different layers are one text and are compiled once. */
import type { ValueId } from '../../graph/index.ts';
import { literal } from './lowering.ts';
import type { Access, Kind, Operand, PrimValue, TypeNames } from './prims.ts';

export interface Binding {
  readonly root: ValueId;
  readonly access: 'read' | 'read_write';
}

export interface Kernel {
  readonly code: string;
  readonly bindings: readonly Binding[];
  readonly workgroups: readonly [number, number, number];
  /** For profiles: the op that weighs most, and the nodes. */
  readonly op: string;
  readonly node: string;
}

export const VECTOR: TypeNames = {
  F: 'vec4<f32>',
  H: 'vec4<f16>',
  I: 'vec4<i32>',
  U: 'vec4<u32>',
  B: 'vec4<bool>',
  width: 4,
};
export const SCALAR: TypeNames = { F: 'f32', H: 'f16', I: 'i32', U: 'u32', B: 'bool', width: 1 };

const STORED: Readonly<Record<Kind, keyof TypeNames>> = { f32: 'F', f16: 'H', i32: 'I', bool: 'U' };

const COMPUTED: Readonly<Record<Kind, keyof TypeNames>> = { f32: 'F', f16: 'F', i32: 'I', bool: 'B' };

export interface KernelText {
  /** The variable bound to a value's memory, as an array of vectors or scalars. */
  bind(root: ValueId, types: TypeNames, access: 'read' | 'read_write'): string;
  /** An operand at linear element index `at` (a multiple of types.width). */
  load(operand: Operand, types: TypeNames, at: string): string;
  /** Statement that writes an expression; `place` counts in units of types.width. */
  store(root: ValueId, types: TypeNames, place: string, expression: string): string;
  bindings(): readonly Binding[];
  declarations(): string;
}

export function createKernelText(values: readonly PrimValue[]): KernelText {
  const bound = new Map<string, { name: string; type: string; binding: Binding }>();
  const text: KernelText = {
    bind(root, types, access) {
      const { kind } = values[root];
      const key = `${root}:${types.width}`;
      let known = bound.get(key);
      if (known === undefined) {
        known = { name: `x${bound.size}`, type: String(types[STORED[kind]]), binding: { root, access } };
        bound.set(key, known);
      }
      return known.name;
    },
    load({ value, access }, types, at) {
      const { kind, root, splat } = values[value];
      if (splat !== undefined) return literal(kind, splat, types);
      const read = (index: string): string => `${text.bind(values[indicesOf(access)].root, SCALAR, 'read')}[${index}]`;
      const one = (place: string): string => {
        const element = fromMemory(kind, SCALAR, `${text.bind(root, SCALAR, 'read')}[${place}]`);
        return types.width === 1 ? element : `${types[COMPUTED[kind]]}(${element})`;
      };
      const place = placeOf(access, at, read);
      if (types.width === 1 || access.kind === 'scalar' || isOneForAll(access)) return one(place);
      if (isOnEnd(access)) return fromMemory(kind, types, `${text.bind(root, types, 'read')}[${place} / 4u]`);
      const name = text.bind(root, SCALAR, 'read');
      const parts = [0, 1, 2, 3].map((i) => `${name}[${placeOf(access, `(${at} + ${i}u)`, read)}]`);
      const stored = kind === 'f16' ? 'vec4<f16>' : String(types[STORED[kind]]);
      return fromMemory(kind, types, `${stored}(${parts.join(', ')})`);
    },
    store(root, types, place, expression) {
      const { kind } = values[root];
      const name = text.bind(root, types, 'read_write');
      if (kind === 'bool') return `${name}[${place}] = select(${types.U}(0), ${types.U}(1), ${expression});`;
      return `${name}[${place}] = ${kind === 'f16' ? `${types.H}(${expression})` : expression};`;
    },
    bindings: () => [...bound.values()].map(({ binding }) => binding),
    declarations: () =>
      [...bound.values()]
        .map(
          ({ name, type, binding }, i) =>
            `@group(0) @binding(${i}) var<storage, ${binding.access}> ${name}: array<${type}>;\n`,
        )
        .join(''),
  };
  return text;
}

function indicesOf(access: Access): ValueId {
  return access.kind === 'at' ? access.indices! : -1;
}

/** Converts what lies in memory to what expressions compute with. */
export function fromMemory(kind: Kind, types: TypeNames, expression: string): string {
  if (kind === 'bool') return `(${types.U}(${expression}) != ${types.U}(0))`;
  return kind === 'i32' ? `${types.I}(${expression})` : `${types.F}(${expression})`;
}

function placeOf(access: Access, at: string, read: (at: string) => string): string {
  switch (access.kind) {
    case 'scalar':
      return '0';
    case 'full':
      return at;
    case 'suffix':
      return `(${at} % ${access.period}u)`;
    case 'prefix':
      return `(${at} / ${access.divisor}u)`;
    case 'at':
      return access.index(at, read);
  }
}

/** Four elements on end share one element of the operand. */
function isOneForAll(access: Access): boolean {
  return access.kind === 'prefix' && access.divisor % 4 === 0;
}

/** Four elements on end lie on end in the operand. */
function isOnEnd(access: Access): boolean {
  if (access.kind === 'full') return true;
  return access.kind === 'suffix' ? access.period % 4 === 0 : access.kind === 'at' && access.run % 4 === 0;
}

/** Workgroups in two axes where one would be too long; kernels count them with `workgroupIndex`. */
export function spread(count: number): readonly [number, number, number] {
  const MOST = 65_535;
  return count <= MOST ? [count, 1, 1] : [MOST, Math.ceil(count / MOST), 1];
}

export const WORKGROUP_INDEX = 'let group = group_id.x + group_id.y * num_groups.x;';

/** Header of a compute entry point. */
export function entry(size: number, usesHalf: boolean): { readonly enable: string; readonly head: string } {
  return {
    enable: usesHalf ? 'enable f16;\n' : '',
    head: `@compute @workgroup_size(${size}) fn main(@builtin(workgroup_id) group_id: vec3<u32>, @builtin(num_workgroups) num_groups: vec3<u32>, @builtin(local_invocation_index) lane: u32)`,
  };
}
