/** How each op without a WebGPU kernel is said in ops that have one. One row an op; see gpu-lowering.ts. */
import type { OpName } from '../../graph/index.ts';
import { rewriteSign, rewriteRound, rewriteOr } from './rewrites/elementwise.ts';
import { rewriteOneHot, rewriteScatterND, rewriteGatherND, narrowIndices } from './rewrites/indexing.ts';
import { rewriteLogSoftmax, rewriteGroupNorm, rewriteBatchNorm } from './rewrites/norms.ts';
import { rewriteMaxPool, rewriteMaxUnpool } from './rewrites/pooling.ts';
import { rewriteFusedMatMul, rewriteColumnSums } from './rewrites/products.ts';
import type { Rewrite } from './rewrites/expansion.ts';

export const GPU_REWRITES: Readonly<Partial<Record<OpName, Rewrite>>> = {
  FusedMatMul: rewriteFusedMatMul,
  LogSoftmax: rewriteLogSoftmax,
  OneHot: rewriteOneHot,
  Sign: rewriteSign,
  Round: rewriteRound,
  Or: rewriteOr,
  GroupNormalization: rewriteGroupNorm,
  BatchNormalization: rewriteBatchNorm,
  ReduceSum: rewriteColumnSums,
  ScatterND: rewriteScatterND,
  GatherND: rewriteGatherND,
  TopK: narrowIndices,
  ArgMax: narrowIndices,
  ArgMin: narrowIndices,
  MaxPool: rewriteMaxPool,
  MaxUnpool: rewriteMaxUnpool,
};
