/** Products of f16 matrices on the device's matrix units (WGSL's experimental subgroup matrices, 16 × 16 × 16 with sums in
 *  f32): each subgroup holds a block of output matrices and feeds them straight from memory, through the caches. */
import { createKernelText, entry, SCALAR } from './kernel-text.ts';
import type { Kernel } from './kernel-text.ts';
import type { PrimValue, ProductPrim } from './prims.ts';

/** Side of one matrix. */
const SIDE = 16;
const SUBGROUP = 32;
const CELLS_PER_LANE = (SIDE * SIDE) / SUBGROUP;

interface MatrixTile {
  /** Subgroups of a workgroup, down and across. */
  readonly down: number;
  readonly across: number;
  /** Matrices of a subgroup, down and across. */
  readonly rows: number;
  readonly columns: number;
}

export const MATRIX_TILES: readonly MatrixTile[] = [
  { down: 2, across: 2, rows: 4, columns: 4 },
  { down: 4, across: 1, rows: 2, columns: 4 },
  { down: 2, across: 2, rows: 2, columns: 2 },
];
/** Fewer workgroups than this leave processors idle, and a smaller tile pays. */
const ENOUGH_GROUPS = 132;

const heightOf = ({ down, rows }: MatrixTile): number => down * rows * SIDE;
const widthOf = ({ across, columns }: MatrixTile): number => across * columns * SIDE;

/** The tile for a product, if its sizes are whole tiles and both operands are f16. */
export function matrixTileFor(prim: ProductPrim, values: readonly PrimValue[]): MatrixTile | undefined {
  const { M, N, K, batch } = prim.sizes;
  if (values[prim.a].kind !== 'f16' || values[prim.b].kind !== 'f16' || K % SIDE !== 0) return undefined;
  const fitting = MATRIX_TILES.filter((tile) => M % heightOf(tile) === 0 && N % widthOf(tile) === 0);
  return fitting.find((tile) => (M / heightOf(tile)) * (N / widthOf(tile)) * batch >= ENOUGH_GROUPS) ?? fitting.at(-1);
}

export function matrixUnitKernel(prim: ProductPrim, values: readonly PrimValue[], tile: MatrixTile): Kernel {
  const { M, N, K, batch } = prim.sizes;
  const text = createKernelText(values);
  const left = text.bind(values[prim.a].root, SCALAR, 'read');
  const right = text.bind(values[prim.b].root, SCALAR, 'read');
  const size = tile.down * tile.across * SUBGROUP;
  const { head } = entry(size, true);
  const baseOf = (isBatched: boolean, count: number): string => (isBatched ? `group_id.z * ${count}u` : '0u');
  const each = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  const pairs = each(tile.rows, (i) => each(tile.columns, (j) => ({ i, j, name: `sum${i}_${j}` }))).flat();
  const load = (side: 'left' | 'right', name: string, i: number): string => {
    const isLeft = side === 'left';
    // Does K lie on end in memory?
    const isAlongK = isLeft ? !prim.transA : prim.transB;
    const corner = `${isLeft ? 'row' : 'column'} + ${i * SIDE}u`;
    const lead = isAlongK ? K : isLeft ? M : N;
    const offset = isAlongK ? `${side}_base + (${corner}) * ${lead}u + k` : `${side}_base + k * ${lead}u + ${corner}`;
    const isColumnMajor = isLeft ? prim.transA : prim.transB;
    const type = `subgroup_matrix_${side}<f16, ${SIDE}, ${SIDE}>`;
    const order = isColumnMajor ? 'col_major' : 'row_major';
    return `let ${side}${i} = subgroupMatrixLoad<${type}, ${order}>(&${name}, ${offset}, ${lead}u);`;
  };
  const outRoot = values[prim.out].root;
  const scaled = prim.alpha === 1 ? 'scratch[mine + cell]' : `(scratch[mine + cell] * ${Math.fround(prim.alpha)})`;
  const bias =
    prim.bias === undefined
      ? ''
      : ` + ${text.load({ value: prim.bias, access: prim.biasAccess! }, SCALAR, 'at')} * ${Math.fround(prim.beta)}`;
  const body = [
    `let subgroup = lane / ${SUBGROUP}u;`,
    `let row = group_id.y * ${heightOf(tile)}u + (subgroup / ${tile.across}u) * ${tile.rows * SIDE}u;`,
    `let column = group_id.x * ${widthOf(tile)}u + (subgroup % ${tile.across}u) * ${tile.columns * SIDE}u;`,
    `let left_base = ${baseOf(prim.isBatched[0], M * K)};`,
    `let right_base = ${baseOf(prim.isBatched[1], K * N)};`,
    ...pairs.map(({ name }) => `var ${name}: subgroup_matrix_result<f32, ${SIDE}, ${SIDE}>;`),
    `for (var k = 0u; k < ${K}u; k += ${SIDE}u) {`,
    ...each(tile.rows, (i) => load('left', left, i)),
    ...each(tile.columns, (j) => load('right', right, j)),
    ...pairs.map(({ i, j, name }) => `${name} = subgroupMatrixMultiplyAccumulate(left${i}, right${j}, ${name});`),
    '}',
    `let mine = subgroup * ${SIDE * SIDE}u;`,
    ...pairs.flatMap(({ i, j, name }) => [
      `subgroupMatrixStore<row_major>(&scratch, mine, ${name}, ${SIDE}u);`,
      'workgroupBarrier();',
      `for (var part = 0u; part < ${CELLS_PER_LANE}u; part++) {`,
      `  let cell = part * ${SUBGROUP}u + lane % ${SUBGROUP}u;`,
      `  let at = group_id.z * ${M * N}u + (row + ${i * SIDE}u + cell / ${SIDE}u) * ${N}u + column + ${j * SIDE}u + cell % ${SIDE}u;`,
      `  ${text.store(outRoot, SCALAR, 'at', `${scaled}${bias}`)}`,
      '}',
      'workgroupBarrier();',
    ]),
  ];
  return {
    code: [
      'enable f16;\nenable chromium_experimental_subgroup_matrix;\ndiagnostic(off, chromium.subgroup_matrix_uniformity);\n',
      text.declarations(),
      `var<workgroup> scratch: array<f32, ${tile.down * tile.across * SIDE * SIDE}>;\n`,
      `${head} {\n${body.map((line) => `  ${line}\n`).join('')}}\n`,
    ].join(''),
    bindings: text.bindings(),
    workgroups: [N / widthOf(tile), M / heightOf(tile), batch],
    op: prim.op,
    node: prim.node,
  };
}
