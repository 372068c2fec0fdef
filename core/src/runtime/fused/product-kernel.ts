/** Matrix products: workgroups compute tiles of the output from tiles of both operands in shared memory; each thread holds
 *  a block of sums in registers and fetches the next tile while it computes with the present one.
 *  Operands are read in blocks of 4 × 4, so that either orientation comes in vectors and lands in shared memory with
 *  the output's axis on end. Every sum runs over K in order, whatever the tile: tiles change no bit of the result. */
import { createKernelText, entry, fromMemory, SCALAR, VECTOR } from './kernel-text.ts';
import type { Kernel, KernelText } from './kernel-text.ts';
import type { PrimValue, ProductPrim, TypeNames } from './prims.ts';

export interface Tile {
  /** Output rows and columns of a workgroup. */
  readonly rows: number;
  readonly columns: number;
  /** Steps along K that are in shared memory at a time. */
  readonly depth: number;
  /** Rows and columns of a thread, in fours. */
  readonly rowFours: number;
  readonly columnFours: number;
  /** Two tiles of each operand: one is filled while the other is read, for one barrier a step instead of two. */
  readonly isDoubled?: boolean;
}

const LARGE: Tile = { rows: 128, columns: 128, depth: 16, rowFours: 2, columnFours: 2 };
/** Wins where both operands have K on end: their tiles are turned on the way into shared memory. */
const LARGE_TURNED: Tile = { ...LARGE, depth: 8, isDoubled: true };
const MIDDLE: Tile = { rows: 64, columns: 64, depth: 16, rowFours: 2, columnFours: 2 };
const SMALL: Tile = { rows: 32, columns: 32, depth: 16, rowFours: 1, columnFours: 1 };

export const TILES: Readonly<Record<string, Tile>> = {
  large: LARGE,
  turned: LARGE_TURNED,
  middle: MIDDLE,
  small: SMALL,
};

/** Workgroups from which a tile keeps a large device busy (measured on 132 processors by bench/gpu/products.ts). */
const ENOUGH_LARGE = 256;
const ENOUGH_MIDDLE = 132;

export function tileFor({
  sizes: { M, N, batch },
  transA,
  transB,
}: Pick<ProductPrim, 'sizes' | 'transA' | 'transB'>): Tile {
  const groups = (tile: Tile): number => Math.ceil(M / tile.rows) * Math.ceil(N / tile.columns) * batch;
  if (groups(LARGE) >= ENOUGH_LARGE) return !transA && transB ? LARGE_TURNED : LARGE;
  return groups(MIDDLE) >= ENOUGH_MIDDLE ? MIDDLE : SMALL;
}

export function productKernel(prim: ProductPrim, values: readonly PrimValue[], tile: Tile = tileFor(prim)): Kernel {
  const { M, N, K, batch } = prim.sizes;
  const text = createKernelText(values);
  const rowThreads = tile.rows / (4 * tile.rowFours);
  const columnThreads = tile.columns / (4 * tile.columnFours);
  const threads = rowThreads * columnThreads;
  const copies = tile.isDoubled === true ? 2 : 1;
  const left = operandLoader(text, values, { prim, side: 'a', tile, threads });
  const right = operandLoader(text, values, { prim, side: 'b', tile, threads });
  const sums = eachSum(tile);
  const usesHalf = [prim.a, prim.b, prim.out, ...(prim.bias === undefined ? [] : [prim.bias])].some(
    (id) => values[id].kind === 'f16',
  );
  const stores = storeSums(text, values, prim, tile);
  const { enable, head } = entry(threads, usesHalf);
  const body = [
    `let tile_row = group_id.y * ${tile.rows}u;`,
    `let tile_column = group_id.x * ${tile.columns}u;`,
    'let batch = group_id.z;',
    `let row_lane = lane / ${columnThreads}u;`,
    `let column_lane = lane % ${columnThreads}u;`,
    ...left.setup,
    ...right.setup,
    'var left_now = 0u;',
    'var right_now = 0u;',
    ...sums.map(({ name }) => `var ${name} = vec4<f32>(0.0);`),
    ...left.fetch('0u'),
    ...right.fetch('0u'),
    ...(tile.isDoubled === true ? [...left.put, ...right.put, 'workgroupBarrier();'] : []),
    `for (var k = 0u; k < ${K}u; k += ${tile.depth}u) {`,
    ...(tile.isDoubled === true ? [] : [...left.put, ...right.put, 'workgroupBarrier();']),
    `  let ahead = k + ${tile.depth}u;`,
    `  if (ahead < ${K}u) {`,
    ...left.fetch('ahead'),
    ...right.fetch('ahead'),
    '  }',
    `  for (var step = 0u; step < ${tile.depth}u; step++) {`,
    ...Array.from(
      { length: tile.rowFours },
      (_, i) => `let a${i} = left_tile[left_now + step * ${left.stride}u + row_lane + ${i * rowThreads}u];`,
    ),
    ...Array.from(
      { length: tile.columnFours },
      (_, j) => `let b${j} = right_tile[right_now + step * ${right.stride}u + column_lane + ${j * columnThreads}u];`,
    ),
    ...sums.map(({ name, i, r, j }) => `${name} = fma(vec4<f32>(a${i}.${'xyzw'[r]}), b${j}, ${name});`),
    '  }',
    ...(tile.isDoubled === true
      ? [
          `left_now = ${tile.depth * left.stride}u - left_now;`,
          `right_now = ${tile.depth * right.stride}u - right_now;`,
          `if (ahead < ${K}u) {`,
          ...left.put,
          ...right.put,
          '}',
        ]
      : []),
    '  workgroupBarrier();',
    '}',
    ...stores,
  ];
  return {
    code: [
      enable,
      text.declarations(),
      `var<workgroup> left_tile: array<vec4<f32>, ${copies * tile.depth * left.stride}>;\n`,
      `var<workgroup> right_tile: array<vec4<f32>, ${copies * tile.depth * right.stride}>;\n`,
      `${head} {\n${body.map((line) => `  ${line}\n`).join('')}}\n`,
    ].join(''),
    bindings: text.bindings(),
    workgroups: [Math.ceil(N / tile.columns), Math.ceil(M / tile.rows), batch],
    op: prim.op,
    node: prim.node,
  };
}

/** Sums of a thread: row r of its i-th four, against its j-th four of columns. */
function eachSum({ rowFours, columnFours }: Tile) {
  const sums: { name: string; i: number; r: number; j: number }[] = [];
  for (let i = 0; i < rowFours; i++) {
    for (let r = 0; r < 4; r++) for (let j = 0; j < columnFours; j++) sums.push({ name: `s${i}${r}${j}`, i, r, j });
  }
  return sums;
}

/** Fetches an operand's tile into registers and puts it into shared memory, [depth][output axis]. */
function operandLoader(
  text: KernelText,
  values: readonly PrimValue[],
  { prim, side, tile, threads }: { prim: ProductPrim; side: 'a' | 'b'; tile: Tile; threads: number },
) {
  const isLeft = side === 'a';
  const { M, N, K } = prim.sizes;
  const length = isLeft ? M : N;
  const width = isLeft ? tile.rows : tile.columns;
  const { root, kind } = values[isLeft ? prim.a : prim.b];
  // Does the output's axis lie on end in memory?
  const isAcross = isLeft ? prim.transA : !prim.transB;
  const lead = isAcross ? length : K;
  const isVector = lead % 4 === 0;
  const name = text.bind(root, isVector ? VECTOR : SCALAR, 'read');
  const types: TypeNames = isVector ? VECTOR : SCALAR;
  const base = prim.isBatched[isLeft ? 0 : 1] ? `(batch * ${length * K}u)` : '0u';
  const corner = isLeft ? 'tile_row' : 'tile_column';
  const shared = isLeft ? 'left_tile' : 'right_tile';
  const stride = width / 4 + 1; // one more, so that columns lie in different banks
  const blocksAlongK = tile.depth / 4;
  const numBlocks = (width / 4) * blocksAlongK;
  const numSlots = Math.ceil(numBlocks / threads);
  // Where a side needs half of the threads, each half takes one side.
  const shift = !isLeft && numBlocks * 2 === threads && tile.rows === tile.columns ? numBlocks : 0;
  const checksAcross = length % width !== 0;
  const checksK = K % tile.depth !== 0;
  const element = (across: string, k: string): string =>
    isAcross ? `${base} + (${k}) * ${lead}u + (${across})` : `${base} + (${across}) * ${lead}u + (${k})`;
  const slots = Array.from({ length: numSlots }, (_, slot) => {
    const block = `${side}_block${slot}`;
    const isPartial = (slot + 1) * threads > numBlocks;
    return {
      block,
      guard: !isPartial ? undefined : shift > 0 ? `lane >= ${shift}u` : `lane + ${slot * threads}u < ${numBlocks}u`,
      registers: [0, 1, 2, 3].map((i) => `${side}_next${slot}${i}`),
      across: `${block}_across`,
      k: `${block}_k`,
    };
  });
  const setup = slots.flatMap(({ block, registers, across, k }, slot) => {
    const index = shift > 0 ? `(lane - min(lane, ${shift}u))` : `(lane + ${slot * threads}u)`;
    // Threads side by side read on end.
    const split = isAcross
      ? [`let ${across} = (${block} % ${width / 4}u) * 4u;`, `let ${k} = (${block} / ${width / 4}u) * 4u;`]
      : [`let ${k} = (${block} % ${blocksAlongK}u) * 4u;`, `let ${across} = (${block} / ${blocksAlongK}u) * 4u;`];
    return [`let ${block} = ${index};`, ...split, ...registers.map((register) => `var ${register} = vec4<f32>(0.0);`)];
  });
  const guarded = (guard: string | undefined, lines: readonly string[]): string[] =>
    guard === undefined ? [...lines] : [`if (${guard}) {`, ...lines, '}'];

  /** Register i holds four elements along the axis that lies on end, at place i of the other. */
  const fetch = (start: string): string[] =>
    slots.flatMap(({ guard, registers, across, k }) =>
      guarded(
        guard,
        registers.map((register, i) => {
          const [acrossAt, kAt] = isAcross
            ? [`${corner} + ${across}`, `${start} + ${k} + ${i}u`]
            : [`${corner} + ${across} + ${i}u`, `${start} + ${k}`];
          if (isVector) {
            const load = fromMemory(kind, types, `${name}[(${element(acrossAt, kAt)}) / 4u]`);
            const tests = [checksAcross ? `${acrossAt} < ${length}u` : '', checksK ? `${kAt} < ${K}u` : ''].filter(
              (test) => test !== '',
            );
            return tests.length === 0
              ? `${register} = ${load};`
              : `${register} = vec4<f32>(0.0); if (${tests.join(' && ')}) { ${register} = ${load}; }`;
          }
          const lines = [0, 1, 2, 3].map((c) => {
            const [acrossC, kC] = isAcross ? [`${acrossAt} + ${c}u`, kAt] : [acrossAt, `${kAt} + ${c}u`];
            const load = fromMemory(kind, types, `${name}[${element(acrossC, kC)}]`);
            return `if (${acrossC} < ${length}u && ${kC} < ${K}u) { ${register}.${'xyzw'[c]} = ${load}; }`;
          });
          return `${register} = vec4<f32>(0.0); ${lines.join(' ')}`;
        }),
      ),
    );
  const put = slots.flatMap(({ guard, registers, across, k }) =>
    guarded(
      guard,
      registers.map((register, i) => {
        const value = isAcross ? register : `vec4<f32>(${registers.map((r) => `${r}.${'xyzw'[i]}`).join(', ')})`;
        return `${shared}[${isLeft ? 'left' : 'right'}_now + (${k} + ${i}u) * ${stride}u + ${across} / 4u] = ${value};`;
      }),
    ),
  );
  return { setup, fetch, put, stride };
}

function storeSums(text: KernelText, values: readonly PrimValue[], prim: ProductPrim, tile: Tile): string[] {
  const { M, N } = prim.sizes;
  const rowThreads = tile.rows / (4 * tile.rowFours);
  const columnThreads = tile.columns / (4 * tile.columnFours);
  const isVector = N % 4 === 0;
  const lines: string[] = [];
  for (const { name, i, r, j } of eachSum(tile)) {
    const row = `(tile_row + (row_lane + ${i * rowThreads}u) * 4u + ${r}u)`;
    const column = `(tile_column + (column_lane + ${j * columnThreads}u) * 4u)`;
    const at = `(batch * ${M * N}u + ${row} * ${N}u + ${column})`;
    const scaled = prim.alpha === 1 ? name : `(${name} * ${Math.fround(prim.alpha)})`;
    const withBias = (types: TypeNames, value: string, place: string): string => {
      if (prim.bias === undefined) return value;
      const loaded = text.load({ value: prim.bias, access: prim.biasAccess! }, types, place);
      return `(${value} + ${prim.beta === 1 ? loaded : `${loaded} * ${Math.fround(prim.beta)}`})`;
    };
    const rowTest = M % tile.rows === 0 ? [] : [`${row} < ${M}u`];
    if (isVector) {
      const tests = [...rowTest, ...(N % tile.columns === 0 ? [] : [`${column} < ${N}u`])];
      const store = text.store(values[prim.out].root, VECTOR, `${at} / 4u`, withBias(VECTOR, scaled, at));
      lines.push(tests.length === 0 ? store : `if (${tests.join(' && ')}) { ${store} }`);
    } else {
      for (let c = 0; c < 4; c++) {
        const store = text.store(
          values[prim.out].root,
          SCALAR,
          `${at} + ${c}u`,
          withBias(SCALAR, `${scaled}.${'xyzw'[c]}`, `(${at} + ${c}u)`),
        );
        lines.push(`if (${[...rowTest, `${column} + ${c}u < ${N}u`].join(' && ')}) { ${store} }`);
      }
    }
  }
  return lines;
}
