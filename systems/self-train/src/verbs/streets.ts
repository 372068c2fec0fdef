/** streets: a pixel classifier of streets by day learns dusk without a mask; the guard off shows what it prevents. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { runSegmentation } from '../segmentation/run.ts';
import { STREET_CLASSES } from '../streets/scene.ts';
import { drawStreets } from '../streets/street-set.ts';

interface StreetsParams {
  readonly day: number;
  readonly dusk: number;
  readonly darkness: number;
  readonly rounds: number;
  readonly epochs: number;
}

/** Scenes of the two sets do not overlap. */
const FIRST_DUSK = 100_000;

export async function run(params: StreetsParams, context: VerbContext): Promise<VerbResult> {
  const { seed } = context;
  context.progress({ phase: 'drawing streets' });
  const source = drawStreets(0, { seed, first: 0, count: params.day });
  const { labels: truth, ...target } = drawStreets(params.darkness, { seed, first: FIRST_DUSK, count: params.dusk });
  const { outcome } = await runSegmentation(
    {
      source,
      target,
      truth,
      classNames: STREET_CLASSES,
      methods: [
        { method: 'em', hasGuard: true },
        { method: 'em', hasGuard: false },
        { method: 'cbst', hasGuard: false },
        { method: 'source', hasGuard: false },
        { method: 'oracle', hasGuard: false },
      ],
      rounds: params.rounds,
      epochs: params.epochs,
      title: 'Streets by day → streets at dusk',
    },
    context,
  );
  return outcome;
}
