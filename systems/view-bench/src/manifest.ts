/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

export const manifest = defineSystem({
  id: 'view-bench',
  title: 'View bench',
  question: 'How badly do street-scene splats fail away from the training cameras?',
  paper: { title: 'Extrapolated Urban View Synthesis Benchmark', arxiv: '2412.05256' },
  tour: 'tour',
  page: { summary: 'Trains splats of a street and shows how far from the drive they can be trusted' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'photograph a small street, train splats on the CPU, score three levels and draw the trust radius',
      examples: ['tour', 'tour --steps 1500 --width 160'],
      params: z.object({
        width: z.int().min(48).max(640).default(112).describe('image width, pixels'),
        steps: z.int().min(60).max(30000).default(500).describe('training steps'),
      }),
      load: () => import('./verbs/tour.ts'),
    }),
  ],
});
