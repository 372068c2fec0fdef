/** Meshes as people write them: `tp2 dp2`, `tp2,sp,cp2`, `pp2 vpp2`. */
import { nearestNameHints } from '@tenfold/core/base';
import { traceError } from '../trace-check-errors.ts';
import { NO_MESH, type SimConfig, type SimMesh } from './sim-config.ts';

const WORDS = ['tp', 'cp', 'ep', 'dp', 'pp', 'vpp', 'sp', 'zero', 'recompute', 'tied', 'moe'];

/** @throws TF-TRACE-016 on an unknown word */
export function configChangesFromText(text: string): Partial<Omit<SimConfig, 'model' | 'mesh'>> & {
  mesh: Partial<SimMesh>;
  model: { isTied?: boolean; numExperts?: number };
} {
  const mesh: Record<string, number> = {};
  const model: { isTied?: boolean; numExperts?: number } = {};
  let changes: Partial<Omit<SimConfig, 'model' | 'mesh'>> = {};
  for (const word of text.split(/[\s,]+/).filter((part) => part !== '' && part !== 'single')) {
    const [, name, digits] = /^([a-z]+)(\d*)$/.exec(word) ?? [undefined, word, ''];
    const count = digits === '' ? undefined : Number(digits);
    if (name in NO_MESH && count !== undefined) mesh[name] = count;
    else if (name === 'vpp' && count !== undefined) changes = { ...changes, numChunks: count };
    else if (name === 'sp') changes = { ...changes, isSequenceParallel: true };
    else if (name === 'zero') changes = { ...changes, isZero: true };
    else if (name === 'recompute') changes = { ...changes, recompute: count ?? 2 };
    else if (name === 'tied') model.isTied = true;
    else if (name === 'moe') model.numExperts = count ?? 4;
    else
      throw traceError('TF-TRACE-016', {
        subject: 'simulate',
        expected: `a mesh of ${WORDS.join(', ')} with sizes, like "tp2 dp2"`,
        actual: JSON.stringify(word),
        hints: nearestNameHints(name, WORDS),
      });
  }
  return { ...changes, mesh, model };
}
