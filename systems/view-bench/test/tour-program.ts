/** A short tour in a process of its own. Prints how many picture strips it drew and how their files begin. */
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';

const { result, artifacts } = await runVerbInTest(manifest, 'tour', { width: 48, steps: 60 });
const { strips } = result as unknown as { strips: readonly { readonly artifact: string }[] };
const heads = strips.map(({ artifact }) =>
  Buffer.from(artifacts.find(({ name }) => name === artifact)!.bytes).toString('latin1', 1, 4),
);
console.log(JSON.stringify({ numStrips: heads.length, heads: [...new Set(heads)] }));
