/** What the verbs share: the trace, the model profile and the capacities a user names. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';
import { bytesFromText } from '@tenfold/core/base';
import { loadTokenizer } from '@tenfold/core/nn';
import type { VerbContext } from '@tenfold/core/system';
import { profileFromHfConfig, type HfConfig } from '../cost/hf-config.ts';
import { PAPER_7B, profileFromPaperModel, type PaperModel } from '../cost/paper-costs.ts';
import { prefixError } from '../prefix-errors.ts';
import type { Encode } from '../trace/chat-template.ts';
import { openTrace } from '../trace/open-trace.ts';
import type { ModelProfile, Trace } from '../types.ts';

const PACKAGE_URL = new URL('../../', import.meta.url);
const MODEL_FOLDER = fileURLToPath(new URL('../../models/hyb-7m', PACKAGE_URL));
const DEMO_TRACE = fileURLToPath(new URL('fixtures/text-agents.jsonl', PACKAGE_URL));

export { DEMO_TRACE, MODEL_FOLDER };

/** The tokenizer of the room's own model, as a function. */
export async function openEncode(folder = MODEL_FOLDER): Promise<Encode> {
  const tokenizer = await loadTokenizer(folder);
  const known = new Map<string, readonly number[]>();
  return (text) => {
    // The same message stands in every later turn of its conversation.
    let tokens = known.get(text);
    if (tokens === undefined) {
      tokens = tokenizer.encode(text, { specialTokens: false });
      known.set(text, tokens);
    }
    return tokens;
  };
}

/** @param path  empty for the recording that the room ships */
export async function openNamedTrace(path: string, limit: number | undefined, context: VerbContext): Promise<Trace> {
  const file = path === '' ? DEMO_TRACE : resolve(context.workingFolder, path);
  const trace = await openTrace(file, { encode: () => openEncode(), limit });
  if (trace.hasLengthsOnly)
    context.warn({
      severity: 'warning',
      code: 'TF-PREFIX-013',
      subject: 'openTrace',
      expected: 'tokens or hashes, to tell what prompts share',
      actual: 'lengths only; the turns of a session are taken to continue each other, all else to share nothing',
      location: trace.name,
    });
  if ((trace.numReordered ?? 0) > 0)
    context.warn({
      severity: 'warning',
      code: 'TF-PREFIX-012',
      subject: 'openTrace',
      expected: 'requests in order of time',
      actual: `${trace.numReordered} of ${trace.requests.length} with a time before that of a line above them; they were sorted`,
      location: trace.name,
    });
  return trace;
}

/** `paper-7b`, `hyb-7m`, or the path of a config.json. */
export async function openProfile(
  model: string,
  context: Pick<VerbContext, 'workingFolder'>,
): Promise<{ readonly profile: ModelProfile; readonly paperModel?: PaperModel }> {
  if (model === PAPER_7B.name) return { profile: profileFromPaperModel(PAPER_7B), paperModel: PAPER_7B };
  const isOwn = model === 'hyb-7m';
  const path = isOwn ? join(MODEL_FOLDER, 'config.json') : resolve(context.workingFolder, model);
  const config = await readConfig(path);
  // The engine of this room keeps everything in f32.
  const format = isOwn ? { kvBytes: 4, recurrentBytes: 4, convBytes: 4 } : {};
  return { profile: profileFromHfConfig(config, isOwn ? model : String(config['model_type']), format) };
}

async function readConfig(path: string): Promise<HfConfig> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw prefixError('TF-PREFIX-002', {
      subject: 'openProfile',
      expected: 'paper-7b, hyb-7m or a readable config.json',
      actual: (cause as Error).message,
      location: path,
    });
  }
  return typeof json === 'object' && json !== null ? (json as HfConfig) : {};
}

/** One capacity; "auto" is the least that holds the longest request. @throws TF-PREFIX-006 for several */
export function capacityFromText(text: string, trace: Trace, profile: ModelProfile): number {
  const [first, ...others] = capacitiesFromText(text, trace, profile);
  if (text !== 'auto' && others.length > 0)
    throw prefixError('TF-PREFIX-006', { subject: 'capacity', expected: 'one capacity like 4GB', actual: text });
  return first!;
}

/** "4GB,8GB" or "auto": steps up to a share of what the whole trace would take. */
export function capacitiesFromText(text: string, trace: Trace, profile: ModelProfile): number[] {
  if (text !== 'auto') return text.split(',').map((part) => bytesFromText(part.trim()));
  let [tokens, largest] = [0, 0];
  for (const { inputTokens, outputTokens } of trace.requests) {
    tokens += outputTokens;
    largest = Math.max(largest, inputTokens + outputTokens);
  }
  const sessions = new Set(trace.requests.map(({ session }) => session)).size;
  const firstTurns = trace.requests.filter(({ turn }) => turn === 0).reduce((sum, r) => sum + r.inputTokens, 0);
  const whole =
    (tokens + firstTurns) * profile.kvBytesPerToken + (trace.requests.length + sessions) * profile.stateBytes;
  const least = largest * profile.kvBytesPerToken + 4 * profile.stateBytes;
  const most = Math.max(2 * least, MOST_SHARE * whole);
  return Array.from({ length: AUTO_STEPS }, (_, step) =>
    Math.round(least * (most / least) ** (step / (AUTO_STEPS - 1))),
  );
}

/** Equal ratios, from what the longest request needs to this share of what the whole trace would take. */
const AUTO_STEPS = 4;
const MOST_SHARE = 0.4;
