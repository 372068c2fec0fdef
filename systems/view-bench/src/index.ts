/** The public API of the room. */
export { manifest as viewBenchSystem } from './manifest.ts';
export { viewError } from './view-errors.ts';
export * from './types.ts';
export { renderCloud, renderGradient } from './splat/render.ts';
export { trainCloud } from './train/trainer.ts';
export { evaluateClouds } from './bench/evaluate.ts';
export { computeTrustRadius } from './bench/trust-radius.ts';
export { createStreetScene } from './street/street-scene.ts';
