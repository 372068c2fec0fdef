/** Kernels of fused units. Without reductions: one thread per four elements. With them: one workgroup per row, which walks
 *  the row once per level of reductions and once more to write; what it read stays in the cache. */
import type { ValueId } from '../../graph/index.ts';
import { createKernelText, entry, SCALAR, spread, VECTOR, WORKGROUP_INDEX } from './kernel-text.ts';
import type { Kernel } from './kernel-text.ts';
import type { FusedUnit } from './fuse-units.ts';
import type { MapPrim, Operand, PrimValue, ReducePrim, TypeNames } from './prims.ts';

const WORKGROUP = 256;
const SMALLEST_WORKGROUP = 32;

export function fusedKernel(unit: FusedUnit, values: readonly PrimValue[]): Kernel {
  const usesHalf = unitUsesHalf(unit, values);
  const { code, bindings, groups, size } =
    unit.width === undefined ? flat(unit, values) : rows(unit, values, unit.width);
  const { enable, head } = entry(size, usesHalf);
  const heaviest = unit.prims.find(({ kind }) => kind === 'reduce') ?? unit.prims.at(-1)!;
  return {
    code: `${enable}${code.before}${head} {\n${code.body}}\n`,
    bindings,
    workgroups: spread(groups),
    op: heaviest.op,
    node: heaviest.node,
  };
}

function unitUsesHalf({ prims, read }: FusedUnit, values: readonly PrimValue[]): boolean {
  return [...read, ...prims.map(({ out }) => out)].some((id) => values[id].kind === 'f16');
}

/** Emits expressions of full values into one block, each once. */
function createBody(unit: FusedUnit, values: readonly PrimValue[], context: BodyContext) {
  const { text, types, at, rowNames } = context;
  const makers = new Map(unit.prims.map((prim) => [prim.out, prim]));
  const names = new Map<string, string>();
  const lines: string[] = [];
  const named = (key: string, make: () => string): string => {
    let name = names.get(key);
    if (name === undefined) {
      const expression = make();
      name = `v${names.size}`;
      names.set(key, name);
      lines.push(`let ${name} = ${expression};`);
    }
    return name;
  };
  const operand = ({ value, access }: Operand): string => {
    const { root, splat, kind } = values[value];
    if (splat === undefined) {
      const row = rowNames.get(root);
      if (row !== undefined) return `${kind === 'i32' ? types.I : kind === 'bool' ? types.B : types.F}(${row})`;
      if (unit.made.get(root) === 'full') return full(root);
    } else return text.load({ value, access }, types, at);
    const key =
      access.kind === 'at'
        ? `${root}:${access.index('i', (i) => `r${access.indices}(${i})`)}`
        : `${root}:${JSON.stringify(access)}`;
    return named(key, () => text.load({ value, access }, types, at));
  };
  const full = (id: ValueId): string =>
    named(`made:${id}`, () => {
      const prim = makers.get(id) as MapPrim;
      return prim.code(prim.operands.map(operand), types, 'lin');
    });
  const read = (value: ValueId): string => operand({ value, access: { kind: 'full' } });
  return { full, read, lines };
}

interface BodyContext {
  readonly text: ReturnType<typeof createKernelText>;
  readonly types: TypeNames;
  /** Linear index of the first element at hand. */
  readonly at: string;
  /** Values that are one per row, and the variables that hold them. */
  readonly rowNames: ReadonlyMap<ValueId, string>;
}

const lanes = ({ width }: TypeNames, at: string): string =>
  width === 4 ? `let lin = vec4<u32>(${at}, ${at} + 1u, ${at} + 2u, ${at} + 3u);` : `let lin = ${at};`;

function flat(unit: FusedUnit, values: readonly PrimValue[]) {
  const text = createKernelText(values);
  const types = unit.size % 4 === 0 ? VECTOR : SCALAR;
  const body = createBody(unit, values, { text, types, at: 'at', rowNames: new Map() });
  const stores = unit.outputs
    .map((id) => [id, body.full(id)] as const)
    .map(([id, name]) => text.store(id, types, 'place', name));
  const count = unit.size / types.width;
  const lines = [
    WORKGROUP_INDEX,
    `let place = group * ${WORKGROUP}u + lane;`,
    `if (place >= ${count}u) { return; }`,
    `let at = place * ${types.width}u;`,
    lanes(types, 'at'),
    ...body.lines,
    ...stores,
  ];
  return {
    code: { before: text.declarations(), body: lines.map((line) => `  ${line}\n`).join('') },
    bindings: text.bindings(),
    groups: Math.ceil(count / WORKGROUP),
    size: WORKGROUP,
  };
}

const NEUTRAL: Readonly<Record<ReducePrim['how'], string>> = { sum: '0.0', max: '-3.4028234e38', min: '3.4028234e38' };
const joined = (how: ReducePrim['how'], a: string, b: string): string =>
  how === 'sum' ? `${a} + ${b}` : `${how}(${a}, ${b})`;

function rows(unit: FusedUnit, values: readonly PrimValue[], width: number) {
  const text = createKernelText(values);
  const types = width % 4 === 0 ? VECTOR : SCALAR;
  const count = width / types.width;
  const size = workgroupFor(count);
  const rowNames = new Map<ValueId, string>();
  const levels = levelsOf(unit, values);
  const lines: string[] = [WORKGROUP_INDEX, `if (group >= ${unit.size / width}u) { return; }`];
  const isRow = (id: ValueId): boolean => unit.made.get(id) === 'row';
  const loop = (body: readonly string[]): void => {
    lines.push(
      `for (var step = lane; step < ${count}u; step += ${size}u) {`,
      `  let place = group * ${count}u + step;`,
      `  let at = place * ${types.width}u;`,
      `  ${lanes(types, 'at')}`,
      ...body.map((line) => `  ${line}`),
      '}',
    );
  };
  const rowOperand = ({ value, access }: Operand): string => {
    const { root, splat } = values[value];
    const known = rowNames.get(root);
    if (known !== undefined && splat === undefined) return known;
    return text.load({ value, access }, SCALAR, 'group');
  };
  const last = Math.max(...levels.values());
  for (let level = 0; level <= last; level++) {
    for (const prim of unit.prims) {
      if (prim.kind !== 'map' || !isRow(prim.out) || levels.get(prim.out) !== level) continue;
      const name = `row${rowNames.size}`;
      lines.push(`let ${name} = ${prim.code(prim.operands.map(rowOperand), SCALAR, 'group')};`);
      rowNames.set(prim.out, name);
    }
    const ending = unit.prims.filter(
      (prim): prim is ReducePrim => prim.kind === 'reduce' && levels.get(prim.out) === level + 1,
    );
    if (ending.length === 0) continue;
    const body = createBody(unit, values, { text, types, at: 'at', rowNames });
    const sums = ending.map((prim, i) => {
      const isInteger = values[prim.out].kind === 'i32';
      const type = isInteger ? types.I : types.F;
      const start = isInteger && prim.how === 'sum' ? '0' : NEUTRAL[prim.how];
      const name = `part${level}_${i}`;
      lines.push(`var ${name} = ${type}(${start});`);
      return { prim, name, value: body.read(prim.input) };
    });
    loop([...body.lines, ...sums.map(({ prim, name, value }) => `${name} = ${joined(prim.how, name, value)};`)]);
    for (const { prim, name } of sums) {
      const across =
        types.width === 1
          ? name
          : ['x', 'y', 'z', 'w'].map((c) => `${name}.${c}`).reduce((a, b) => joined(prim.how, a, b));
      lines.push(
        `shared_parts[lane] = f32(${across});`,
        'workgroupBarrier();',
        `for (var half = ${size / 2}u; half > 0u; half = half / 2u) {`,
        `  if (lane < half) { shared_parts[lane] = ${joined(prim.how, 'shared_parts[lane]', 'shared_parts[lane + half]')}; }`,
        '  workgroupBarrier();',
        '}',
        `let row${rowNames.size} = ${values[prim.out].kind === 'i32' ? 'i32' : 'f32'}(shared_parts[0]);`,
        'workgroupBarrier();',
      );
      rowNames.set(prim.out, `row${rowNames.size}`);
    }
  }
  const outputs = unit.outputs.filter((id) => !isRow(id));
  if (outputs.length > 0) {
    const body = createBody(unit, values, { text, types, at: 'at', rowNames });
    const made = outputs.map((id) => [id, body.full(id)] as const);
    loop([...body.lines, ...made.map(([id, name]) => text.store(id, types, 'place', name))]);
  }
  const single = unit.outputs.filter(isRow).map((id) => text.store(id, SCALAR, 'group', rowNames.get(id)!));
  if (single.length > 0) lines.push('if (lane == 0u) {', ...single.map((line) => `  ${line}`), '}');
  return {
    code: {
      before: `${text.declarations()}var<workgroup> shared_parts: array<f32, ${size}>;\n`,
      body: lines.map((line) => `  ${line}\n`).join(''),
    },
    bindings: text.bindings(),
    groups: unit.size / width,
    size,
  };
}

function workgroupFor(count: number): number {
  let size = SMALLEST_WORKGROUP;
  while (size < count && size < WORKGROUP) size *= 2;
  return size;
}

/** How many reductions must have ended before a value is known. */
function levelsOf(unit: FusedUnit, values: readonly PrimValue[]): Map<ValueId, number> {
  const levels = new Map<ValueId, number>();
  const levelOf = (id: ValueId): number => (values[id].splat === undefined ? (levels.get(values[id].root) ?? 0) : 0);
  for (const prim of unit.prims) {
    const level =
      prim.kind === 'reduce'
        ? levelOf(prim.input) + 1
        : prim.operands.reduce((highest, { value }) => Math.max(highest, levelOf(value)), 0);
    levels.set(prim.out, level);
  }
  return levels;
}
