/** The public API of the room. */
export { delayIrregular, placeAllReduces } from './all-reduce-placement.ts';
export { inferAxes, type AxisConflict, type AxisSolution } from './axis-inference.ts';
export { mergeParts, routeNaively, routeParts } from './capacity-passing.ts';
export { overlapGraphFromCore } from './core-graph-import.ts';
export { evenPartCosts, partCostsOf, tableFromPoints, withTimes, type DeviceCosts } from './device-costs.ts';
export { analyticDevice, loadDevice } from './device-library.ts';
export { scheduleDw, simulateGraph } from './dw-order.ts';
export { routeWhole } from './gates.ts';
export { gptMoe, gptMoeCoreGraph, GPT2_L_MOE, GPT2_S_MOE } from './gpt-moe.ts';
export { parseCostsFile, parseGraphFile } from './graph-file.ts';
export { deviceFromNcclLog, parseNcclLog } from './nccl-log.ts';
export { manifest as moeOverlapSystem } from './manifest.ts';
export { overlapError } from './overlap-errors.ts';
export { MODES, optimise, type Mode, type Plan } from './plan.ts';
export { planFile } from './plan-file.ts';
export { simulatePlan } from './plan-simulation.ts';
export { graphFromTrace, overlapOfTrace, proposeOrder } from './trace-import.ts';
export * from './types.ts';
