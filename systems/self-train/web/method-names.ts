/** Names of methods as legends show them. */
import type { Method } from '../src/types.ts';

export const METHOD_LABELS: Readonly<Record<Method, string>> = {
  source: 'source only',
  em: 'EM self-training',
  cbst: 'CBST',
  mrkld: 'CRST (MRKLD)',
  lrent: 'CRST (LRENT)',
  pseudo: 'pseudo-labels',
  entropy: 'entropy minimisation',
  fixmatch: 'FixMatch-style',
  oracle: 'oracle',
};
