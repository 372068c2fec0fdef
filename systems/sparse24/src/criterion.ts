/** By what the two weights of a block are chosen: which method a call means, what it needs, and how the answer says so. */
import type { LearnParams } from './params.ts';
import { sparseError } from './sparse-errors.ts';
import type { MethodName } from './types.ts';

/** What each mask keeps, in words that a reader of the report can check. */
const KEEPS: Readonly<Record<MethodName, string>> = {
  magnitude: 'the two largest of every four weights; no text was read and nothing was learned',
  wanda: 'the two with the largest |weight| × norm of its input over the calibration rows',
  ria: 'the two with the largest share of their row and column, times the root of the norm of the input',
  sparsegpt: 'the two that cost most to remove while the weights to their right make up for the others',
  'sparsegpt-update': 'the same two as sparsegpt, and kept weights move',
  admm: 'the two that are left when ADMM fits the outputs of each layer over the calibration rows',
  'admm-update': 'the same two as admm, and kept weights move',
  proxsparse: 'the two that are left by a fine-tune with the 2:4 regulariser; its weights are thrown away',
  maskllm: 'the likeliest of six patterns, learned over frozen weights',
  'proxsparse+maskllm': 'the likeliest of six patterns, learned over frozen weights from the ProxSparse mask',
};

/** Options that only ProxSparse reads. */
const OF_PROXSPARSE = ['lr', 'lambda1', 'kappa', 'lambda2', 'epsilon'] as const;

type MaskParams = Partial<Pick<LearnParams, 'text' | (typeof OF_PROXSPARSE)[number]>>;

/** The method that a call without --method means: the one this room is about where there is text to learn from or one of its
 *  own settings is given, else magnitude, which any folder can have. */
export function methodMeant(params: MaskParams & { readonly checkpoint?: string | undefined }): MethodName {
  const isLearned = [params.text, params.checkpoint, ...OF_PROXSPARSE.map((name) => params[name])].some(
    (value) => value !== undefined,
  );
  return isLearned ? 'proxsparse' : 'magnitude';
}

/** @throws TF-SPARSE-005 on an option that none of the methods reads: the user would take it to have had an effect */
export function refuseUnread(methods: readonly MethodName[], params: MaskParams): void {
  const readsSettings = methods.some((method) => method.startsWith('proxsparse'));
  const readsText = methods.some((method) => method !== 'magnitude');
  const unread = [
    ...(readsText || params.text === undefined ? [] : ['text']),
    ...OF_PROXSPARSE.filter((name) => !readsSettings && params[name] !== undefined),
  ];
  if (unread.length > 0)
    throw sparseError('TF-SPARSE-005', {
      subject: 'settings',
      expected: `options that ${methods.join(', ')} ${methods.length === 1 ? 'reads' : 'read'}`,
      actual: unread.map((name) => `--${name}`).join(', '),
      hints: ['Leave it out, or take --method proxsparse.'],
    });
  if (params.epsilon !== undefined && !params.lambda2)
    throw sparseError('TF-SPARSE-005', {
      subject: 'settings',
      expected: '--lambda2 above 0 with --epsilon, which shapes its term alone',
      actual: 'no --lambda2',
    });
}

/** The sentences of a report: the criterion, and what a better one would need.  @param model  as the user named it */
export function criterionText(method: MethodName, model: string): string {
  const kept = `Kept: ${KEEPS[method]}.`;
  const compare = `\`tenfold sparse24 compare ${model} --held-out OTHER\` shows what each method costs on text that none saw.`;
  if (method === 'magnitude')
    return `${kept} It is the cheapest criterion and usually the worst one. A learned mask needs a Llama-style model and text: give \`--text FILE\` (ProxSparse), or \`--method proxsparse\` alone and the model writes the text itself. ${compare}`;
  return `${kept} ${compare}`;
}
