/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

const db = z
  .string()
  .default('')
  .describe('evidence file, or postgres://user@host/database (password from PGPASSWORD); empty for the shipped corpus');
const mode = z
  .enum(['strict', 'certain-only', 'lenient', 'off', 'faith-compat'])
  .default('strict')
  .describe(
    'strict: certain or possible; lenient keeps undated evidence below; off removes nothing; faith-compat: the paper’s integer rules',
  );

const ranker = z
  .enum(['log-linear', 'graph-network'])
  .default('log-linear')
  .describe('how answers in time are ordered: a log-linear model, or a heterogeneous graph network');

export const manifest = defineSystem({
  id: 'temporal-qa',
  title: 'Temporal QA',
  question: 'What do my own facts, texts and tables say about a question with a time condition?',
  paper: { title: 'Faithful Temporal Question Answering over Heterogeneous Sources', arxiv: '2402.15400' },
  tour: 'tour',
  page: { summary: 'Ask, see the evidence on a time bar, what was removed and why' },
  verbs: [
    defineVerb({
      name: 'tour',
      summary: 'Answer the questions of the shipped corpus and check every answer independently',
      examples: ['tour'],
      params: z.object({}),
      load: () => import('./verbs/tour.ts'),
    }),
    defineVerb({
      name: 'ask',
      summary: 'Answer one question with evidence that satisfies its time condition',
      examples: [
        'ask "Who was president of France when Apollo 11 landed on the Moon?"',
        'ask "Who was the previous chancellor of Germany?" --as-of 1999-01-01',
        'ask "Who led the project in 2021?" --db notes.sqlite --mode lenient',
      ],
      params: z.object({
        question: z.string().meta({ positional: true }).describe('the question, in English'),
        db,
        mode,
        ranker,
        asOf: z.string().default('').describe('date as of which undated questions are answered, like 1990-01-01'),
        refDate: z
          .string()
          .default('')
          .describe(
            'what "today" means; default: the --snapshot given to ingest, without which no question about today is answered',
          ),
        sources: z.string().default('').describe('only these kinds, comma separated: kb, text, table, info'),
        llm: z
          .string()
          .default('')
          .describe(
            'OpenAI-compatible endpoint that may cut unusual questions, like http://127.0.0.1:8080/v1; key from TENFOLD_LLM_KEY',
          ),
        embeddings: z
          .string()
          .default('')
          .describe('OpenAI-compatible endpoint whose vectors find evidence in other words; key from TENFOLD_LLM_KEY'),
        embeddingsModel: z.string().default('default').describe('name of the embedding model there'),
        llmModel: z.string().default('default').describe('name of the model at that endpoint'),
        after: z.string().default('').describe('earlier turns of the talk, separated by bars, for follow-up questions'),
      }),
      load: () => import('./verbs/ask.ts'),
    }),
    defineVerb({
      name: 'ingest',
      summary: 'Read facts, pages and tables into an evidence file; problems are listed by file and line',
      examples: [
        'ingest facts.csv --db facts.sqlite',
        'ingest notes,facts.tsv,dump.json --db all.sqlite --snapshot 2024-12-31',
      ],
      params: z.object({
        path: z
          .string()
          .meta({ positional: true })
          .describe('files and folders, comma separated: csv, tsv, jsonl, json (Wikidata), nt, md, txt, html, wiki'),
        db: z
          .string()
          .default('evidence.sqlite')
          .describe('evidence file to fill, or postgres://user@host/database?schema=name'),
        snapshot: z.string().default('').describe('date as of which the sources hold, like 2024-12-31'),
        docDate: z.string().default('').describe('date of the documents, apart from the time they tell about'),
        strict: z.boolean().default(false).describe('end with exit code 1 if there are problems'),
        dryRun: z.boolean().default(false).describe('read and report, write nothing'),
        force: z.boolean().default(false).describe('kept for uniformity: ingestion only adds'),
      }),
      writesFiles: true,
      load: () => import('./verbs/ingest.ts'),
    }),
    defineVerb({
      name: 'verify',
      summary: 'Check a saved answer again from the cited text, with code that shares only the time core',
      examples: ['verify answer.json', 'verify answer.json --db facts.sqlite'],
      params: z.object({
        file: z.string().meta({ positional: true, kind: 'file' }).describe('answer, or the whole JSON output of ask'),
        db,
      }),
      load: () => import('./verbs/verify.ts'),
    }),
    defineVerb({
      name: 'eval',
      summary: 'Measure on a data set: corpus, held-out, tvq, tiq, recognizers or time-sensitive-qa',
      examples: ['eval corpus', 'eval tvq', 'eval tiq'],
      params: z.object({
        set: z
          .enum(['corpus', 'held-out', 'tvq', 'tiq', 'recognizers', 'time-sensitive-qa'])
          .meta({ positional: true })
          .describe('data set'),
        limit: z.number().int().min(1).default(100_000).describe('questions to ask at most'),
        qualifiers: z
          .enum(['own', 'text'])
          .default('own')
          .describe('tvq: facts keep the interval of their record, or only what their text states'),
        mode,
        ranker,
      }),
      load: () => import('./verbs/eval.ts'),
    }),
    defineVerb({
      name: 'dates',
      summary: 'Dates of a text as intervals, EDTF and TIMEX3',
      examples: ['dates "He served from 1987 until June 1996."', 'dates "two weeks ago" --ref-date 2024-05-01'],
      params: z.object({
        text: z
          .string()
          .meta({ positional: true })
          .describe('text in English, German, French, Spanish, Italian or Portuguese'),
        refDate: z
          .string()
          .default('')
          .describe('reference date for "last year" and the like; empty: such dates are left alone'),
      }),
      load: () => import('./verbs/dates.ts'),
    }),
    defineVerb({
      name: 'relate',
      summary: 'Allen relations that two dates or intervals may have, and verdicts of the signals',
      examples: ['relate 1987/1996 1994', 'relate "44 BC" -0043-03-15'],
      params: z.object({
        a: z
          .string()
          .meta({ positional: true })
          .describe('date or interval: 1994, 1994-03/1996, 44 BC, -0043, 1990/..'),
        b: z.string().meta({ positional: true }).describe('date or interval that the first is compared with'),
      }),
      load: () => import('./verbs/relate.ts'),
    }),
    defineVerb({
      name: 'source',
      summary: 'Where a piece of evidence stands, with what stands around it in the same document',
      examples: ['source 1', 'source 1 --db facts.sqlite --around 5'],
      params: z.object({
        id: z.number().int().min(1).meta({ positional: true }).describe('number of the evidence, as answers cite it'),
        db,
        around: z.number().int().min(0).max(50).default(4).describe('neighbours to show on each side'),
      }),
      load: () => import('./verbs/source.ts'),
    }),
    defineVerb({
      name: 'timeline',
      summary: 'Dated evidence about a name in order (with ICS), or what changed between two dates',
      examples: ['timeline "France"', 'timeline "France" --from 1980-01-01 --to 1990-01-01'],
      params: z.object({
        name: z.string().meta({ positional: true }).describe('name as the sources write it'),
        db,
        from: z.string().default('').describe('first date of a comparison'),
        to: z.string().default('').describe('second date of a comparison'),
      }),
      load: () => import('./verbs/timeline.ts'),
    }),
    defineVerb({
      name: 'serve',
      summary: 'HTTP API on this machine: POST /answer, POST /v1/chat/completions, GET /timeline?name=…',
      examples: ['serve --port 7070', 'serve --db facts.sqlite --port 7070'],
      params: z.object({
        db,
        port: z.number().int().min(0).max(65_535).default(7070).describe('port on 127.0.0.1; 0 picks a free one'),
        seconds: z.number().min(0).default(0).describe('stop after this many seconds; 0 runs until interrupted'),
      }),
      load: () => import('./verbs/serve.ts'),
    }),
  ],
});
