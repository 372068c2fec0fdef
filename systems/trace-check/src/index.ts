/** The public API of the room. */
export { manifest as traceCheckSystem } from './manifest.ts';
export { checkTrace, type CheckOptions } from './check/check-trace.ts';
export { compareFolders, compareRuns } from './check/compare-runs.ts';
export { checkInvariants } from './check/invariants.ts';
export { junitFromCheck } from './check/junit.ts';
export { mutateRun } from './check/mutate.ts';
export { estimateTolerance, perturbedComparisons } from './check/tolerance.ts';
export { triangulate } from './check/triangulate.ts';
export { canonicalModule, formatId, parseId } from './trace/canonical-id.ts';
export { censusOfLayers, globalMicroBatch, layersOfStages } from './trace/layer-map.ts';
export { lowerPlacements, parsePlacement } from './trace/placement.ts';
export { openTrace } from './trace/open-trace.ts';
export { memoryRun, type TraceRun } from './trace/trace-run.ts';
export { writeTrace } from './trace/write-trace.ts';
export { generateLocal, generateTokens, generateWhole, tokenCoverage } from './trace/generator.ts';
export { reportCheck } from './report.ts';
export { traceError } from './trace-check-errors.ts';
export * from './types.ts';
