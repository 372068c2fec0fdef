export * from './bubbles.ts';
export * from './chrome-export.ts';
export * from './chrome-import.ts';
export * from './compare.ts';
export * from './cost-table.ts';
export * from './critical-path.ts';
export type { MipOptions, MipSolution, MipStatus } from './highs-run.ts';
export * from './intervals.ts';
export * from './kineto.ts';
export * from './link-costs.ts';
export * from './memory.ts';
export * from './mip-model.ts';
export * from './mip-solver.ts';
export * from './overlap.ts';
export { createProgramBuilder, withDurations, type OpSpec, type ProgramBuilder, type ResourceSpec } from './program.ts';
export * from './schedule-errors.ts';
export * from './simulate.ts';
export * from './timeline.ts';
export {
  traceFromSimulation,
  traceFromSpans,
  type LaneSpec,
  type SpanSpec,
  type Trace,
  type TraceLane,
} from './trace.ts';
export * from './types.ts';
