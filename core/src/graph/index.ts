export { padsFromAutoPad, type AutoPad } from './build/auto-pad.ts';
export type { BuilderCore, NodeOptions, Operand } from './build/builder-core.ts';
export { createGraphBuilder, type GraphBuilder } from './build/graph-builder.ts';
export type {
  CollectiveOptions,
  ConvOptions,
  ConvTransposeOptions,
  OpMethods,
  ReduceOptions,
} from './build/op-methods.ts';
export { filledTensor, scalarTensor, tensorFromNumbers } from './build/scalar-tensor.ts';
export * from './graph-errors.ts';
export { parseEinsum, type EinsumEquation } from './ops/einsum-equation.ts';
export { inferTypes } from './ops/infer-types.ts';
export * from './ops/op-names.ts';
export type { AttributeKind, AttributeSpec, OpSchema } from './ops/attribute-specs.ts';
export * from './ops/op-schemas.ts';
export { broadcastShapes, type RuleInput, type ValueType } from './ops/rule-context.ts';
export { reducedShape } from './ops/rules-axis.ts';
export { fusedOperandShape } from './ops/rules-contraction.ts';
export { describeOnnxInputs, readOnnx, type OnnxImport, type ReadOnnxOptions } from './onnx/read-onnx.ts';
export { ONNX_FORMS, ONNX_OPSET, type OnnxForm } from './onnx/onnx-forms.ts';
export {
  createOnnxOutputNames,
  writeOnnx,
  type ExternalData,
  type OnnxFile,
  type WriteOnnxOptions,
} from './onnx/write-onnx.ts';
export { counterDropout, type CounterDropoutOptions } from './compositions/counter-dropout.ts';
export { selectiveScan, selectiveScanStep, type SelectiveScanInputs } from './compositions/selective-scan.ts';
export { causalConv1d, rotaryTables, type RotaryTableOptions } from './compositions/sequence-ops.ts';
export { readOnnxFile, writeOnnxFile } from './onnx/onnx-files.ts';
export { lowerToStandardOnnx, NON_STANDARD_OPS } from './passes/lower-to-standard-onnx.ts';
export {
  applyPrecision,
  type Fp8Recipe,
  type PrecisionRecipe,
  type PrecisionResult,
} from './precision/apply-precision.ts';
export { cleanUp } from './passes/clean-up.ts';
export {
  cutAtCollectives,
  groupByCollectiveStage,
  type ComputeStep,
  type CutStep,
  type IssueStep,
  type WaitStep,
} from './passes/cut-at-collectives.ts';
export { foldConstants, type EvaluateNode } from './passes/fold-constants.ts';
export { fuseMatMul, type FuseMatMulOptions } from './passes/fuse-matmul.ts';
export { mergeCommonSubexpressions } from './passes/merge-common-subexpressions.ts';
export { optimizeGraph, type OptimizeOptions } from './passes/optimize-graph.ts';
export { removeDeadCode } from './passes/remove-dead-code.ts';
export {
  countUses,
  findProducers,
  transformGraph,
  type TransformContext,
  type Visit,
} from './passes/transform-graph.ts';
export { costOfGraph, costOfNode, type OpCost } from './ops/op-costs.ts';
export { OP_PROPERTIES, type OpProperties } from './ops/op-properties.ts';
export { parseGraph } from './text/parse-graph.ts';
export { printGraph, type PrintGraphOptions } from './text/print-graph.ts';
export * from './types.ts';
export { checkGraph, verifyGraph } from './verify.ts';
