/** Optional help of a language model with unusual wordings, over an OpenAI-compatible endpoint. The model only cuts the
 *  question into main clause and condition; every part is checked against the question, and neither dates nor
 *  evidence ever come from it. Whatever fails a check is replaced by the rules' reading, and the frame says so. */
import { temporalError } from '../temporal-errors.ts';
import type { Day } from '../time/index.ts';
import { splitClauses } from './clauses.ts';
import { frameOf, type Frame } from './frame.ts';
import { STOP_WORDS, stemOf, wordsOf } from './words.ts';

export interface LlmConfig {
  /** Base address, like http://127.0.0.1:8080/v1. */
  readonly url: string;
  readonly model: string;
  readonly apiKey?: string;
  /** Default 20,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 20_000;
const MAX_REPLY_CHARACTERS = 20_000;
const CONNECTORS = { BEFORE: 'before', AFTER: 'after', OVERLAP: 'when' } as const;
type Relation = keyof typeof CONNECTORS | 'NONE';

const INSTRUCTION = `Cut a question into its main clause and the condition on time. Copy words from the question; add no word, name or date. Reply with JSON {"main": string, "relation": "BEFORE" | "AFTER" | "OVERLAP" | "NONE", "condition": string}. BEFORE: what is asked for lies before the condition. Without a condition, relation is NONE and condition is empty.`;
const EXAMPLES: readonly (readonly [string, string, Relation, string])[] = [
  ['Who ran the library in the years leading up to the great fire?', 'Who ran the library', 'BEFORE', 'the great fire'],
  [
    'Once the bridge had opened, who became mayor of Millbrook?',
    'who became mayor of Millbrook',
    'AFTER',
    'the bridge had opened',
  ],
  [
    'With Ida Brandt as mayor, which firm built the harbour?',
    'which firm built the harbour',
    'OVERLAP',
    'Ida Brandt as mayor',
  ],
  [
    'Which team had she belonged to by the time she joined Rovers?',
    'Which team had she belonged to',
    'BEFORE',
    'she joined Rovers',
  ],
  ['Who was the coach back in 1994?', 'Who was the coach', 'OVERLAP', '1994'],
  ['On the heels of the strike, who took over the railway?', 'who took over the railway', 'AFTER', 'the strike'],
  ['Who wrote the town anthem?', 'Who wrote the town anthem', 'NONE', ''],
  [
    'Which king sat on the throne as the plague reached the coast?',
    'Which king sat on the throne',
    'OVERLAP',
    'the plague reached the coast',
  ],
];
const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['main', 'relation', 'condition'],
  properties: {
    main: { type: 'string' },
    relation: { enum: ['BEFORE', 'AFTER', 'OVERLAP', 'NONE'] },
    condition: { type: 'string' },
  },
};

interface Reading {
  readonly main: string;
  readonly relation: Relation;
  readonly condition: string;
}

/** The frame of a question with the model's cut where it passes every check, else the rules' frame with an issue. */
export async function frameWithLlm(question: string, ref: Day | undefined, config: LlmConfig): Promise<Frame> {
  const byRules = frameOf(question, ref);
  // kinds whose cut the rules know by their first words
  if (['yes-no', 'compare', 'duration', 'date'].includes(byRules.kind)) return byRules;
  const refused = (reason: string): Frame => ({
    ...byRules,
    issues: [...byRules.issues, `The language model was not followed: ${reason}.`],
  });
  let reading: Reading;
  try {
    reading = await readingOf(question, config);
  } catch (error) {
    return refused(error instanceof Error ? error.message.replace(/\.?$/, '') : 'it failed');
  }
  const added = addedWord(`${reading.main} ${reading.condition}`, question);
  if (added !== undefined) return refused(`it wrote “${added}”, which the question does not say`);
  const lost = lostWord(reading, question);
  if (lost !== undefined) return refused(`it left out “${lost}”`);
  const lexicon = splitClauses(question).signal;
  if (reading.relation === 'NONE' || reading.condition.trim() === '')
    return byRules.clause === undefined && byRules.windows.length === 0
      ? byRules
      : refused('it saw no condition where the wording has one');
  if (lexicon !== undefined && lexicon !== reading.relation)
    return refused(`it read ${reading.relation} where the wording says ${lexicon}`);
  const connector =
    /^[\d\s]+$/.test(reading.condition) && reading.relation === 'OVERLAP' ? 'in' : CONNECTORS[reading.relation];
  const frame = frameOf(`${reading.main.trim()} ${connector} ${reading.condition.trim()}?`, ref);
  return {
    ...frame,
    question,
    issues: [...frame.issues, 'The language model cut the question; each part was checked.'],
  };
}

async function readingOf(question: string, config: LlmConfig): Promise<Reading> {
  const { url, model, apiKey, timeoutMs = DEFAULT_TIMEOUT_MS } = config;
  const fault = (actual: string, cause?: unknown) =>
    temporalError('TF-TEMPORAL-008', {
      subject: 'frameWithLlm',
      expected: 'a reading as JSON',
      actual,
      location: url,
      ...(cause === undefined ? {} : { cause }),
    });
  let text: string;
  try {
    const response = await fetch(`${url.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      signal: AbortSignal.timeout(timeoutMs),
      headers: { 'content-type': 'application/json', ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}) },
      body: JSON.stringify({
        model,
        temperature: 0,
        max_tokens: 300,
        response_format: { type: 'json_schema', json_schema: { name: 'reading', strict: true, schema: SCHEMA } },
        messages: [
          { role: 'system', content: INSTRUCTION },
          ...EXAMPLES.flatMap(([asked, main, relation, condition]) => [
            { role: 'user', content: asked },
            { role: 'assistant', content: JSON.stringify({ main, relation, condition }) },
          ]),
          { role: 'user', content: question },
        ],
      }),
    });
    text = (await response.text()).slice(0, MAX_REPLY_CHARACTERS);
    if (!response.ok) throw new Error(`status ${response.status}`);
  } catch (cause) {
    throw fault(cause instanceof Error ? cause.message : 'no reply', cause);
  }
  try {
    const reply = JSON.parse(text) as { choices: { message: { content: string } }[] };
    const content = reply.choices[0]!.message.content.replace(/^\s*```(?:json)?|```\s*$/g, '');
    const reading = JSON.parse(content) as Partial<Reading>;
    if (typeof reading.main !== 'string' || reading.main.trim() === '' || typeof reading.condition !== 'string')
      throw new TypeError('main and condition must be texts');
    if (reading.relation !== 'NONE' && !(reading.relation !== undefined && reading.relation in CONNECTORS))
      throw new TypeError('relation must be BEFORE, AFTER, OVERLAP or NONE');
    return reading as Reading;
  } catch (cause) {
    throw fault(cause instanceof Error ? cause.message : 'another form', cause);
  }
}

/** A word of the reading that the question does not hold. */
function addedWord(reading: string, question: string): string | undefined {
  const known = new Set(wordsOf(question));
  return wordsOf(reading).find((word) => !known.has(word));
}

/** A name or number of the question that the reading dropped. */
function lostWord({ main, condition }: Reading, question: string): string | undefined {
  const kept = new Set(wordsOf(`${main} ${condition}`).map(stemOf));
  const important = question.slice(1).match(/(?<=\s|^)(?:\p{Lu}[\p{L}\p{M}'’-]*|\d+)/gu) ?? [];
  return important.flatMap(wordsOf).find((word) => !STOP_WORDS.has(word) && word.length > 1 && !kept.has(stemOf(word)));
}
