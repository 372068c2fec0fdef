import { createRng } from '/work/main/core/src/base/index.ts';
import { openModel, sampleRows, createEvaluator, maskedParameters } from '/work/main/systems/sparse24/src/index.ts';
import { pruneLayerwise } from '/work/main/systems/sparse24/layer_v.ts';
const model = await openModel('/work/shared/data/sparse24/stories260K.bin');
const rng = createRng(0);
const cal = await sampleRows(model,{numRows:128,length:192,rng:rng.fork('c')});
const held = await sampleRows(model,{numRows:32,length:192,rng:rng.fork('h')});
const ev = await createEvaluator(model, held);
for (const m of ['admm-update'] as const) { const o = await pruneLayerwise(model, m, cal); console.log(m, 'masks over original', await ev.perplexity(maskedParameters(model,o.masks)), 'updated', o.updated ? await ev.perplexity(o.updated):''); }
