/** The ranker that a param names. */
import type { AskOptions } from '../answer/ask.ts';

export async function rankerOption(name: 'log-linear' | 'graph-network'): Promise<Pick<AskOptions, 'ranker'>> {
  if (name === 'log-linear') return {};
  const { openGraphRanker } = await import('../answer/graph-ranker.ts');
  return { ranker: await openGraphRanker() };
}
