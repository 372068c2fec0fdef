/** The only list of systems. A room that is built has `load`; adding one means altering one row. */
import type { SystemManifest } from '@tenfold/core/system';

export interface SystemEntry {
  /** Folder under systems/ and word on the command line. */
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly paper: { readonly title: string; readonly arxiv: string };
  /** Imports the manifest; absent while the room is not built. */
  readonly load?: () => Promise<{ readonly manifest: SystemManifest }>;
}

export const systems: readonly SystemEntry[] = [
  {
    id: 'trace-check',
    title: 'Trace check',
    question: 'Where does my distributed training silently go wrong?',
    paper: { title: 'TTrace: Lightweight Error Checking and Diagnosis for Distributed Training', arxiv: '2506.09280' },
    load: () => import('@tenfold/trace-check/manifest'),
  },
  {
    id: 'sparse24',
    title: '2:4 sparsity',
    question: 'Which half of my transformer’s weights can go at the least loss?',
    paper: {
      title: 'ProxSparse: Regularized Learning of Semi-Structured Sparsity Masks for Pretrained LLMs',
      arxiv: '2502.00258',
    },
    load: () => import('@tenfold/sparse24/manifest'),
  },
  {
    id: 'view-bench',
    title: 'View bench',
    question: 'How badly do street-scene splats fail away from the training cameras?',
    paper: { title: 'Extrapolated Urban View Synthesis Benchmark', arxiv: '2412.05256' },
    load: () => import('@tenfold/view-bench/manifest'),
  },
  {
    id: 'prefix-cache',
    title: 'Prefix cache',
    question: 'How much prefill can a prefix cache save for my hybrid model?',
    paper: { title: 'Marconi: Prefix Caching for the Era of Hybrid LLMs', arxiv: '2411.19379' },
    load: () => import('@tenfold/prefix-cache/manifest'),
  },
  {
    id: 'cross-families',
    title: 'Cross-intersecting families and quorums',
    question: 'How large can families be whose sets all meet, and which read and write quorums should my store use?',
    paper: { title: 'Non-uniform Cross-intersecting Families', arxiv: '2411.18426' },
    load: () => import('@tenfold/cross-families/manifest'),
  },
  {
    id: 'label-audit',
    title: 'Label audit',
    question: 'Which labels of my data set are wrong, and what should they be?',
    paper: { title: 'Potential Energy based Mixture Model for Noisy Label Learning', arxiv: '2405.01186' },
    load: () => import('@tenfold/label-audit/manifest'),
  },
  {
    id: 'self-train',
    title: 'Self-training',
    question: 'Can my model adapt to a new domain without labels?',
    paper: {
      title: 'Uncertainty-aware self-training with expectation maximization basis transformation',
      arxiv: '2405.01175',
    },
    load: () => import('@tenfold/self-train/manifest'),
  },
  {
    id: 'pipe-plan',
    title: 'Pipe plan',
    question: 'How do I train my diffusion model over several devices without letting them idle?',
    paper: { title: 'DiffusionPipe: Training Large Diffusion Models with Efficient Pipelines', arxiv: '2405.01248' },
    load: () => import('@tenfold/pipe-plan/manifest'),
  },
  {
    id: 'moe-overlap',
    title: 'MoE overlap',
    question: 'How much all-to-all can hide behind compute in my mixture-of-experts training?',
    paper: {
      title: 'Lancet: Accelerating Mixture-of-Experts Training via Whole Graph Computation-Communication Overlapping',
      arxiv: '2404.19429',
    },
    load: () => import('@tenfold/moe-overlap/manifest'),
  },
  {
    id: 'temporal-qa',
    title: 'Temporal QA',
    question: 'What do my own facts, texts and tables say about a question with a time condition?',
    paper: { title: 'Faithful Temporal Question Answering over Heterogeneous Sources', arxiv: '2402.15400' },
    load: () => import('@tenfold/temporal-qa/manifest'),
  },
];
