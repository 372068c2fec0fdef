/** profile: a model in our layout. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { loadModel } from './inputs.ts';
import { outputText, type OutputParams } from './outputs.ts';

const MOST_SHOWN = 3000;

export async function run(
  params: OutputParams & { readonly model: string },
  context: VerbContext,
): Promise<VerbResult> {
  const model = await loadModel(params.model, context);
  const text = `${JSON.stringify(model, null, 1)}\n`;
  const { where, artifacts } = outputText(
    { subject: 'pipe-plan profile', name: 'profile.json', mediaType: 'application/json', text },
    params,
    context,
  );
  const numLayers = model.backbones.reduce((sum, { layers }) => sum + layers.length, 0);
  return {
    ok: true,
    value: { text },
    report: {
      title: `Profile of ${model.name}`,
      verdict: {
        tone: 'good',
        text: `${where}: ${numLayers} layers, ${model.frozen.length} frozen components. Edit it and plan it: \`pipe-plan plan profile.json\`.`,
      },
      blocks: [{ kind: 'code', text: text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}\n…` : text }],
    },
    ...(artifacts ? { artifacts } : {}),
  };
}
