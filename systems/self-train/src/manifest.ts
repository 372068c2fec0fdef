/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

export const manifest = defineSystem({
  id: 'self-train',
  title: 'Self-training',
  question: 'Can my model adapt to a new domain without labels?',
  paper: {
    title: 'Uncertainty-aware self-training with expectation maximization basis transformation',
    arxiv: '2405.01175',
  },
  tour: 'tour',
  page: { summary: 'Rounds, feature map, calibration and doubtful samples of an adaptation' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'digits drawn from fonts teach a network to read handwriting (MNIST) without a handwritten label',
      examples: ['tour', 'tour --rounds 6 --target 5000'],
      params: z.object({
        source: z.int().min(200).max(20_000).default(2500).describe('digits drawn from fonts'),
        target: z
          .int()
          .min(200)
          .max(60_000)
          .default(2500)
          .describe('handwritten digits whose labels are not looked at'),
        rounds: z.int().min(1).max(20).default(4).describe('rounds of self-training'),
      }),
      load: () => import('./verbs/tour.ts'),
    }),
  ],
});
