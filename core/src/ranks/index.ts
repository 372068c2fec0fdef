export { launchRanks, openRankPool, type LaunchOptions, type LaunchResult, type RankPool } from './launch.ts';
export type { LinkCost, Links } from './links.ts';
export * from './mesh.ts';
export * from './ranks-errors.ts';
export type { ReduceAlgorithm, Reduction, WireDtype } from './reduction.ts';
export * from './types.ts';
export { openRankSession, type RankSession, type RankSessionOptions } from './rank-session.ts';
export { runGraphOnRanks, type RunGraphOptions, type RunGraphResult } from './run-graph.ts';
