/** The public API of the room. */
export { compareMethods, maskedParameters, METHODS, pruneWith, scaledSettings } from './compare.ts';
export type { Comparison, LearnSettings, MethodRow } from './compare.ts';
export { inspectFolder } from './io/inspect-folder.ts';
export type { MatrixAudit } from './io/inspect-folder.ts';
export { readMaskFile } from './io/mask-file.ts';
export { maskFolder } from './io/mask-folder.ts';
export { manifest as sparse24System } from './manifest.ts';
export { applyMask, magnitudeMask, maskDifference, supportHistogram, topTwoCodes } from './mask/mask24.ts';
export { packBits, packCodes, unpackCodes } from './mask/packing.ts';
export { openModel } from './model/open-model.ts';
export { createEvaluator } from './model/perplexity.ts';
export { sampleRows } from './model/sample.ts';
export { kktResidual, proxObjective, regulariser } from './prox/block.ts';
export { proxBlock, proxInPlace } from './prox/prox.ts';
export type { LoadedModel, Mask24, MaskSet, MethodName, PruneOutcome } from './types.ts';
