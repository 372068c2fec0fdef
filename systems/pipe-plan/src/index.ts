/** The public API of the room. */
export { manifest as pipePlanSystem } from './manifest.ts';
export { presetCluster } from './cluster.ts';
export { presetModel } from './models/presets.ts';
export { comparePlans } from './rivals/compare.ts';
export { planFileFrom } from './profiles/plan-json.ts';
export { readModel } from './profiles/read-model.ts';
export { searchPlans } from './search/search-plans.ts';
export { pipeError } from './pipe-errors.ts';
export type { Plan, PlanOptions, SearchResult } from './plan-types.ts';
export type { Cluster, DiffusionModel } from './types.ts';
