/** Results as report blocks, the same for terminal, HTML and studio. */
import type { Report } from '@tenfold/core/report';
import type { WordCounts } from './types.ts';

const NUM_SHOWN = 10;

/** @param source  what was counted, as the reader knows it */
export function reportWordCounts({ numWords, counts, numOfLength }: WordCounts, source: string): Report {
  const [first] = counts;
  return {
    title: `Words of ${source}`,
    verdict: {
      tone: 'good',
      text: `“${first!.word}” is the most frequent of ${counts.length} words, ${first!.count} times.`,
    },
    blocks: [
      {
        kind: 'figures',
        figures: [
          { label: 'words', value: numWords, format: 'count' },
          { label: 'different words', value: counts.length, format: 'count' },
          { label: 'share of the most frequent', value: first!.count / numWords, format: 'percent' },
        ],
      },
      {
        kind: 'table',
        caption: 'Most frequent words',
        columns: [
          { key: 'word', label: 'word' },
          { key: 'count', label: 'count', format: 'count' },
          { key: 'share', label: 'share', format: 'percent' },
        ],
        rows: counts.slice(0, NUM_SHOWN).map(({ word, count }) => ({ word, count, share: count / numWords })),
      },
      {
        kind: 'plot',
        caption: 'Length of words',
        mark: 'bar',
        x: { label: 'letters', scale: 'band' },
        y: { label: 'words' },
        series: [
          { name: 'words', points: numOfLength.slice(1).map((count, index) => ({ x: String(index + 1), y: count })) },
        ],
      },
    ],
  };
}
