/** Kernels that stand alone: sums down the columns, and rows added at given places. */
import { createKernelText, entry, fromMemory, SCALAR, spread, WORKGROUP_INDEX } from './kernel-text.ts';
import type { Kernel } from './kernel-text.ts';
import { NoKernel } from './prims.ts';
import type { FoldPrim, PrimValue, ScatterPrim } from './prims.ts';

/** Columns side by side that one workgroup sums: as wide as one transaction of memory. */
const FOLD_COLUMNS = 8;
const FOLD_LANES = 32;
const NEUTRAL = { sum: '0.0', max: '-3.4028234e38', min: '3.4028234e38' } as const;

/** [outer, count, inner] → [outer, inner]: lanes walk down the columns in turn and join in shared memory. */
export function foldKernel(prim: FoldPrim, values: readonly PrimValue[]): Kernel {
  const { outer, count, inner, how } = prim;
  const { root, kind } = values[prim.input];
  if (kind === 'bool' || kind === 'i32') throw new NoKernel(`${prim.op} of integers along an outer axis`);
  const text = createKernelText(values);
  const size = FOLD_COLUMNS * FOLD_LANES;
  const groupsAcross = Math.ceil(inner / FOLD_COLUMNS);
  const input = text.bind(root, SCALAR, 'read');
  const joined = (a: string, b: string): string => (how === 'sum' ? `${a} + ${b}` : `${how}(${a}, ${b})`);
  const store = text.store(values[prim.out].root, SCALAR, `slab * ${inner}u + column`, 'parts[lane]');
  const { enable, head } = entry(size, kind === 'f16' || values[prim.out].kind === 'f16');
  const body = [
    WORKGROUP_INDEX,
    `let slab = group / ${groupsAcross}u;`,
    `let column = (group % ${groupsAcross}u) * ${FOLD_COLUMNS}u + lane % ${FOLD_COLUMNS}u;`,
    `if (slab >= ${outer}u) { return; }`,
    `var part = ${NEUTRAL[how]};`,
    `if (column < ${inner}u) {`,
    `  for (var row = lane / ${FOLD_COLUMNS}u; row < ${count}u; row += ${FOLD_LANES}u) {`,
    `    part = ${joined('part', fromMemory(kind, SCALAR, `${input}[(slab * ${count}u + row) * ${inner}u + column]`))};`,
    '  }',
    '}',
    'parts[lane] = part;',
    'workgroupBarrier();',
    `for (var half = ${FOLD_LANES / 2}u; half > 0u; half = half / 2u) {`,
    `  if (lane < half * ${FOLD_COLUMNS}u) { parts[lane] = ${joined('parts[lane]', `parts[lane + half * ${FOLD_COLUMNS}u]`)}; }`,
    '  workgroupBarrier();',
    '}',
    `if (lane < ${FOLD_COLUMNS}u && column < ${inner}u) { ${store} }`,
  ];
  return {
    code: `${enable}${text.declarations()}var<workgroup> parts: array<f32, ${size}>;\n${head} {\n${body.map((line) => `  ${line}\n`).join('')}}\n`,
    bindings: text.bindings(),
    workgroups: spread(outer * groupsAcross),
    op: prim.op,
    node: prim.node,
  };
}

const SCATTER_WORKGROUP = 256;
/** Indices looked through at a time, as bits of shared words. */
const SCATTER_CHUNK = 2048;
const BITS = 32;

/** One workgroup per row of the result looks through all indices, then adds the rows that name it: in a fixed order,
 *  without atomics on sums. */
export function scatterKernel(prim: ScatterPrim, values: readonly PrimValue[]): Kernel {
  const { rows, count, inner } = prim;
  const text = createKernelText(values);
  const index = text.bind(values[prim.indices].root, SCALAR, 'read');
  const load = (value: number, at: string): string => text.load({ value, access: { kind: 'full' } }, SCALAR, at);
  const place = `group * ${inner}u + column`;
  const initial = load(prim.data, place);
  const update = load(prim.updates, `n * ${inner}u + column`);
  const out = values[prim.out];
  const store = text.store(out.root, SCALAR, place, 'sum');
  const before = fromMemory(out.kind, SCALAR, `${text.bind(out.root, SCALAR, 'read_write')}[${place}]`);
  const usesHalf = [prim.data, prim.updates, prim.out].some((id) => values[id].kind === 'f16');
  const { enable, head } = entry(SCATTER_WORKGROUP, usesHalf);
  const words = SCATTER_CHUNK / BITS;
  const body = [
    WORKGROUP_INDEX,
    `if (group >= ${rows}u) { return; }`,
    `for (var first = 0u; first < ${count}u; first += ${SCATTER_CHUNK}u) {`,
    `  if (lane < ${words}u) { atomicStore(&hits[lane], 0u); }`,
    '  workgroupBarrier();',
    `  for (var i = lane; i < ${SCATTER_CHUNK}u; i += ${SCATTER_WORKGROUP}u) {`,
    `    if (first + i < ${count}u) {`,
    `      let named = ${index}[first + i];`,
    `      if (u32(select(named, named + ${rows}, named < 0)) == group) { atomicOr(&hits[i / ${BITS}u], 1u << (i % ${BITS}u)); }`,
    '    }',
    '  }',
    '  workgroupBarrier();',
    `  for (var column = lane; column < ${inner}u; column += ${SCATTER_WORKGROUP}u) {`,
    '    var sum = 0.0;',
    `    if (first == 0u) { sum = ${initial}; } else { sum = ${before}; }`,
    `    for (var word = 0u; word < ${words}u; word++) {`,
    '      var bits = atomicLoad(&hits[word]);',
    '      while (bits != 0u) {',
    `        let n = first + word * ${BITS}u + firstTrailingBit(bits);`,
    `        sum += ${update};`,
    '        bits = bits & (bits - 1u);',
    '      }',
    '    }',
    `    ${store}`,
    '  }',
    '  workgroupBarrier();',
    '}',
  ];
  return {
    code: `${enable}${text.declarations()}var<workgroup> hits: array<atomic<u32>, ${words}>;\n${head} {\n${body.map((line) => `  ${line}\n`).join('')}}\n`,
    bindings: text.bindings(),
    workgroups: spread(rows),
    op: prim.op,
    node: prim.node,
  };
}
