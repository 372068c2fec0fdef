/** The commands of the house as verbs, so that they share parsing, help, errors and output with the rooms. */
import { z } from 'zod';
import { defineVerb, outputParams, type SystemManifest, type VerbManifest, type VerbRun } from '@tenfold/core/system';
import { HOUSE_COMMANDS, type HouseCommand } from '../house-commands.ts';
import type { Host } from './host.ts';

const runId = z.string().describe('id of the run').meta({ positional: true });
const port = z.int().min(0).max(65535).default(4173).describe('port; 0 takes any free one');
const openRun = z.string().optional().describe('id of a run to show first');

const PARAMS = {
  start: z.object({
    port,
    exit: z.boolean().default(false).describe('end after the tours'),
    rooms: z.array(z.string()).default([]).describe('rooms whose tours run; all without it'),
  }),
  tour: z.object({ room: z.string().optional().describe('room to show; all without it').meta({ positional: true }) }),
  studio: z.object({
    port,
    host: z.string().default('127.0.0.1').describe('address to listen on; others than this machine demand a token'),
    open: openRun,
  }),
  worker: z.object({
    jobs: z.int().min(1).max(256).optional().describe('runs at work at once; default half the cores, at least 2'),
  }),
  doctor: z.object({}),
  runs: z.object({
    room: z.string().optional().describe('only runs of this room').meta({ positional: true }),
    status: z
      .enum(['queued', 'running', 'done', 'problems', 'failed', 'cancelled', 'interrupted'])
      .optional()
      .describe('only runs in this state'),
    text: z.string().optional().describe('only runs whose id, verb or params contain this'),
    limit: z.int().min(1).max(10_000).default(20).describe('how many, newest first'),
  }),
  'runs show': z.object({ id: runId }),
  'runs export': z.object({
    id: runId,
    to: z.string().describe('file; .html, .md, .txt, .json or .trace.json decides the form').meta({ kind: 'output' }),
    ...outputParams,
  }),
  'runs rerun': z.object({ id: runId }),
  'runs delete': z.object({ id: runId }),
  schema: z.object({
    room: z.string().describe('room').meta({ positional: true }),
    verb: z.array(z.string()).min(1).describe('verb, one or more words').meta({ positional: true }),
  }),
  'new-room': z.object({
    name: z.string().describe('name in lower-case words with dashes').meta({ positional: true }),
    dryRun: outputParams.dryRun,
  }),
} satisfies Record<HouseCommand, z.ZodObject>;

const EXAMPLES: Readonly<Record<HouseCommand, readonly string[]>> = {
  start: ['start', 'start --exit', 'start --rooms cross-families'],
  tour: ['tour', 'tour cross-families'],
  studio: ['studio', 'studio --port 8080'],
  worker: ['worker', 'worker --jobs 8'],
  doctor: ['doctor', 'doctor --json'],
  runs: ['runs', 'runs cross-families --status failed'],
  'runs show': ['runs show 0f3a91bc52'],
  'runs export': ['runs export 0f3a91bc52 --to report.html', 'runs export 0f3a91bc52 --to plan.trace.json'],
  'runs rerun': ['runs rerun 0f3a91bc52'],
  'runs delete': ['runs delete 0f3a91bc52'],
  schema: ['schema cross-families max'],
  'new-room': ['new-room my-room', 'new-room my-room --dry-run'],
};

/** Runs of all commands; each file is imported when its command is called. */
function loadersOf(host: Host): {
  readonly [Name in HouseCommand]: () => Promise<VerbRun<z.output<(typeof PARAMS)[Name]>>>;
} {
  return {
    start: async () => (await import('./start-all.ts')).createStart(host),
    tour: async () => (await import('./tour.ts')).createTour(host),
    studio: async () => (await import('./studio.ts')).createStudioCommand(host),
    worker: async () => (await import('./worker.ts')).createWorkerCommand(host),
    doctor: async () => (await import('./doctor.ts')).createDoctor(host),
    runs: async () => (await import('./runs.ts')).createRunList(host),
    'runs show': async () => (await import('./runs.ts')).createRunShow(host),
    'runs export': async () => (await import('./run-export.ts')).createRunExport(host),
    'runs rerun': async () => (await import('./runs.ts')).createRunAgain(host),
    'runs delete': async () => (await import('./runs.ts')).createRunDelete(host),
    schema: async () => (await import('./schema.ts')).runSchema,
    'new-room': async () => (await import('./new-room.ts')).runNewRoom,
  };
}

/** The house as a manifest; its id is empty because its verbs follow `tenfold` directly. */
export function createHouse(host: Host): SystemManifest {
  const loaders = loadersOf(host);
  return {
    id: '',
    title: 'Tenfold',
    question: 'What can I do here?',
    paper: { title: '', arxiv: '' },
    tour: 'tour',
    verbs: HOUSE_COMMANDS.map(([name, summary]): VerbManifest =>
      defineVerb({
        name,
        summary,
        examples: EXAMPLES[name],
        writesFiles: 'force' in PARAMS[name].shape,
        params: PARAMS[name] as z.ZodObject,
        load: async () => ({ run: (await loaders[name]()) as VerbRun<Record<string, unknown>> }),
      }),
    ),
  };
}
