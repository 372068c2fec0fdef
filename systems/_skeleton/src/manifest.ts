/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

export const manifest = defineSystem({
  id: 'skeleton',
  title: 'Skeleton',
  question: 'Which words does my text use most?',
  paper: { title: 'The paper that the room brings to its user', arxiv: '0000.00000' },
  tour: 'tour',
  page: { summary: 'Counts the words of a file' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'count the words of this room’s README and check the sum',
      examples: ['tour'],
      params: z.object({}),
      load: () => import('./verbs/tour.ts'),
    }),
    defineVerb({
      name: 'count',
      summary: 'count the words of a file',
      examples: ['count README.md', 'count README.md --min-length 4'],
      params: z.object({
        file: z.string().meta({ positional: true, kind: 'file' }).describe('text file in UTF-8'),
        minLength: z.int().min(1).default(1).describe('leave out words with fewer letters'),
      }),
      load: () => import('./verbs/count.ts'),
    }),
  ],
});
