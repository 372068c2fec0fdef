/** The room's manifest: data only; algorithms load when a verb runs. */
import { defineSystem, defineVerb } from '@tenfold/core/system';
import { z } from 'zod';

const traceParams = {
  trace: z
    .string()
    .default('')
    .describe(
      'trace: Marconi, Mooncake, Bailian, AIBrix JSONL, Azure or BurstGPT CSV, a .traj file or a folder of them; empty for the room’s own',
    ),
  capacity: z
    .string()
    .default('auto')
    .describe('bytes of the cache, like "4GB,8GB"; auto for shares of what the trace takes'),
  model: z.string().default('paper-7b').describe('paper-7b, hyb-7m, or the path of a Hugging Face config.json'),
  limit: z.number().int().min(1).optional().describe('only the first so many lines of the trace, or .traj files'),
};
const EXACT_POLICIES = 'lru,leafLru,superseded,gdsf,segLen,marconi:0.25,marconi:1,hitDensity,adaptive';

export const manifest = defineSystem({
  id: 'prefix-cache',
  title: 'Prefix cache',
  question: 'How much prefill can a prefix cache save for my hybrid model?',
  paper: { title: 'Marconi: Prefix Caching for the Era of Hybrid LLMs', arxiv: '2411.19379' },
  tour: 'tour',
  page: { summary: 'Live radix tree, hit rates with bounds, and a chat with cached tokens' },
  verbs: [
    defineVerb({
      name: 'simulate',
      summary: 'Hit rates of eviction policies on a trace, beside what any policy could reach',
      examples: [
        'simulate',
        'simulate --trace traces/mooncake-conversation.jsonl --capacity 200GB,400GB --policies gdsf,marconi:1,adaptive',
        'simulate --policies "vllm+,sglang+,compat:1,compat-tuned" --capacity 8GB --csv policies.csv',
      ],
      params: z.object({
        ...traceParams,
        policies: z
          .string()
          .default(EXACT_POLICIES)
          .describe(
            'lru, leafLru, superseded, gdsf, segLen, marconi:<α>, hitDensity, adaptive; parity: vllm+, sglang+, compat:<α>, compat-tuned',
          ),
        minCheckpointTokens: z.number().int().min(1).default(64).describe('no checkpoint of a shorter prefix (tokens)'),
        alignTokens: z.number().int().min(1).default(1).describe('checkpoints stand at multiples of this (tokens)'),
        csv: z.string().default('').meta({ kind: 'output' }).describe('CSV file to write the table to; empty for none'),
        force: z.boolean().default(false).describe('replace the file if it exists'),
        dryRun: z.boolean().default(false).describe('only compute, write nothing'),
      }),
      writesFiles: true,
      load: () => import('./verbs/simulate.ts'),
    }),
    defineVerb({
      name: 'queue',
      summary: 'Time to first token with arrivals, servers and waiting',
      examples: ['queue', 'queue --servers 4 --speed-up 2 --policies lru,adaptive'],
      params: z.object({
        ...traceParams,
        capacity: z
          .string()
          .default('auto')
          .describe('bytes of the cache, like "4GB"; auto for the least that holds the longest request'),
        policies: z
          .string()
          .default('lru,leafLru,gdsf,hitDensity,adaptive')
          .describe('exact policies or adaptive, separated by commas'),
        servers: z.number().int().min(1).max(64).default(1).describe('requests served at once'),
        speedUp: z.number().positive().default(1).describe('arrivals come this many times as fast'),
        teraFlops: z.number().positive().default(150).describe('prefill speed in TFLOP/s'),
        overheadMs: z.number().min(0).default(15).describe('fixed time of a prefill in ms'),
        decodeMs: z.number().min(0).default(12).describe('time of a decoded token in ms'),
        loadGbPerSec: z.number().positive().default(50).describe('speed of loading cached states in GB/s'),
      }),
      load: () => import('./verbs/queue.ts'),
    }),
    defineVerb({
      name: 'cost',
      summary: 'Bytes and FLOPs of checkpoints of a model, from its config.json',
      examples: ['cost paper-7b', 'cost hyb-7m', 'cost models/granite/config.json'],
      params: z.object({
        model: traceParams.model.meta({ positional: true }),
      }),
      load: () => import('./verbs/cost.ts'),
    }),
    defineVerb({
      name: 'trace',
      summary: 'What is in a trace; with --out the same requests as Marconi JSONL',
      examples: ['trace', 'trace swe-agent --out swe.jsonl'],
      params: z.object({
        trace: traceParams.trace.meta({ positional: true }),
        limit: traceParams.limit,
        model: traceParams.model,
        out: z.string().default('').meta({ kind: 'output' }).describe('file to write; empty for none'),
        force: z.boolean().default(false).describe('replace the file if it exists'),
        dryRun: z.boolean().default(false).describe('only say what would be written'),
      }),
      writesFiles: true,
      load: () => import('./verbs/trace.ts'),
    }),
    defineVerb({
      name: 'compare',
      summary: 'Reused tokens request by request, beside those of another simulator on the same trace',
      examples: ['compare theirs.json --trace trace.jsonl --policy compat:1 --capacity 8GB'],
      params: z.object({
        official: z
          .string()
          .meta({ positional: true, kind: 'file' })
          .describe('JSON of the other simulator: a list of reused tokens, or its request history'),
        trace: traceParams.trace,
        limit: traceParams.limit,
        policy: z.string().default('compat:0').describe('policy to replay, parity or exact'),
        capacity: z.string().default('8GB').describe('bytes of the cache'),
        model: traceParams.model,
      }),
      load: () => import('./verbs/compare.ts'),
    }),
    defineVerb({
      name: 'playback',
      summary: 'The radix tree while a trace is replayed, frame by frame',
      examples: ['playback', 'playback --policy lru --capacity 2GB --frames 30'],
      params: z.object({
        ...traceParams,
        capacity: z.string().default('1GB').describe('bytes of the cache, like "1GB"'),
        policy: z.string().default('hitDensity').describe('exact policy'),
        frames: z.number().int().min(1).max(200).default(70).describe('most frames'),
      }),
      load: () => import('./verbs/playback.ts'),
    }),
    defineVerb({
      name: 'ask',
      summary: 'One turn of a chat on the room’s own model; the cache stays on disk between calls',
      examples: ['ask "What is the whale?"', 'ask "What is the whale?" --verify'],
      params: z.object({
        question: z.string().meta({ positional: true }).describe('the user’s message'),
        history: z.string().default('').describe('earlier messages as a JSON list of role and content'),
        system: z
          .string()
          .default(
            'You are the mate of a whaling ship out of Nantucket. You answer the questions of the passengers about the ship, the sea, the weather and the whale, in the words of an old sailor who has read his Bible and little else. You never leave the deck while you speak, you never tell the captain’s business, and you end every answer with a piece of advice to those who go to sea for the first time.',
          )
          .describe('the system prompt, which all conversations share'),
        maxTokens: z.number().int().min(1).max(256).default(40).describe('tokens of the answer'),
        capacity: z.string().default('128MB').describe('bytes of the cache'),
        verify: z.boolean().default(false).describe('compute the answer without the cache too and compare'),
        forget: z.boolean().default(false).describe('start with an empty cache'),
      }),
      load: () => import('./verbs/ask.ts'),
    }),
    defineVerb({
      name: 'serve',
      summary: 'OpenAI-compatible server with a prefix cache on the room’s own hybrid model',
      examples: [
        'serve',
        'serve --port 8001 --capacity 200MB --snapshot cache.bin --events tcp://127.0.0.1:5557 --align-tokens 16',
      ],
      params: z.object({
        model: z
          .string()
          .default('')
          .describe('model folder in Nemotron-H layout, or a .gguf file (needs node-llama-cpp); empty for hyb-7m'),
        host: z.string().default('127.0.0.1').describe('address to listen on'),
        port: z.number().int().min(1).max(65535).default(8000).describe('port to listen on'),
        capacity: z.string().default('256MB').describe('bytes of the cache'),
        policy: z.string().default('adaptive').describe('eviction policy, or adaptive (tuned in a thread of its own)'),
        snapshot: z.string().default('').describe('file that is loaded at the start and written at the end'),
        events: z
          .string()
          .default('')
          .describe('ZeroMQ address for KV events, like tcp://127.0.0.1:5557; missed ones are on the next port'),
        apiKey: z.string().default('').describe('key that clients must send; needed unless the host is this machine'),
        alignTokens: z
          .number()
          .int()
          .min(1)
          .default(1)
          .describe('checkpoints at multiples of this; 16 to announce them as blocks'),
      }),
      load: () => import('./verbs/serve.ts'),
    }),
    defineVerb({
      name: 'gguf',
      summary: 'A hybrid model folder as one GGUF file, for llama.cpp',
      examples: ['gguf', 'gguf --out models/hyb-7m.gguf --force'],
      params: z.object({
        model: z.string().default('').describe('model folder in Nemotron-H layout; empty for hyb-7m'),
        out: z.string().default('').meta({ kind: 'output' }).describe('file to write; empty for the name of the model'),
        force: z.boolean().default(false).describe('replace the file if it exists'),
        dryRun: z.boolean().default(false).describe('only say what would be written'),
      }),
      writesFiles: true,
      load: () => import('./verbs/gguf.ts'),
    }),
    defineVerb({
      name: 'route',
      summary: 'Router that follows the KV events of several engines and picks the one that can reuse most',
      examples: [
        'route --workers "a=http://127.0.0.1:8001|tcp://127.0.0.1:5557|tcp://127.0.0.1:5558,b=http://127.0.0.1:8002|tcp://127.0.0.1:5567"',
      ],
      params: z.object({
        workers: z.string().describe('name=address|events address|replay address (optional), separated by commas'),
        host: z.string().default('127.0.0.1').describe('address to listen on'),
        port: z.number().int().min(1).max(65535).default(8080).describe('port to listen on'),
        blockTokens: z
          .number()
          .int()
          .min(1)
          .default(16)
          .describe('tokens of a block; those of the engines are multiples of it'),
        shadowCapacity: z
          .string()
          .default('')
          .describe('shadow mode: bytes of caches that only count, answered on /shadow; empty for none'),
        shadowModel: traceParams.model.default('paper-7b').describe('model whose costs the shadow caches count'),
        timeoutSec: z
          .number()
          .positive()
          .max(86_400)
          .default(300)
          .describe('seconds until the answer of an engine begins; then the next one is asked'),
        apiKey: z
          .string()
          .default('')
          .describe(
            'bearer token that clients must send and engines get; needed when --host is not this machine alone',
          ),
      }),
      load: () => import('./verbs/route.ts'),
    }),
    defineVerb({
      name: 'policy',
      summary: 'Decides for an engine that keeps its own memory: what to reuse, checkpoint and drop, on a Unix socket',
      examples: ['policy --socket cache.sock --model models/granite/config.json --capacity 8GB'],
      params: z.object({
        socket: z.string().default('prefix-cache.sock').describe('path of the Unix socket to make'),
        model: traceParams.model,
        capacity: z.string().default('8GB').describe('bytes that the engine has for states, keys and values'),
        policy: z.string().default('hitDensity').describe('exact policy'),
        alignTokens: z.number().int().min(1).default(1).describe('checkpoints stand at multiples of this (tokens)'),
      }),
      load: () => import('./verbs/policy.ts'),
    }),
    defineVerb({
      name: 'tour',
      summary: 'Replay a recorded trace under all policies, check the bounds, then serve two live requests',
      examples: ['tour'],
      params: z.object({}),
      load: () => import('./verbs/tour.ts'),
    }),
  ],
});
