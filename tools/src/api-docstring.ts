/** A docstring, taken apart: summary, tagged lines, and labelled notes such as `Cost:`; and its text as Markdown. */

export interface Docstring {
  /** Paragraphs before the first tag or label. */
  readonly paragraphs: readonly string[];
  readonly params: readonly { readonly name: string; readonly text: string }[];
  readonly returns: readonly string[];
  readonly throws: readonly string[];
  /** `Math: …`, `Source: …`, `Cost: …` and tags that have no list of their own. */
  readonly notes: readonly string[];
}

/** Labels that conventions give to lines of a docstring; each starts a note of its own. */
const LABEL = /^(?:Math|Source|Differs|Cost|Mutates|Symbols|Shapes|Units|Example): /;
/** What Markdown would take for markup; an underscore inside a word is none. */
const MARKUP = /[\\*<~$|`]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu;
/** A line of prose is full from here on; shorter ones were broken on purpose. */
const FULL_LINE = 72;
const TAG = /(?:^|\s+)@(params?|returns?|throws|example|see|template|deprecated)\s+/;

/** @param comment  what stands between the slashes, with or without the stars that begin the lines */
export function parseDocstring(comment: string): Docstring {
  const paragraphs: string[] = [];
  const params: { name: string; text: string }[] = [];
  const lists: Record<'returns' | 'throws' | 'notes', string[]> = { returns: [], throws: [], notes: [] };
  for (const block of blocksOf(comment)) {
    const [before, ...tagged] = block.split(new RegExp(TAG.source, 'g'));
    if (before!.trim() !== '') (LABEL.test(before!) ? lists.notes : paragraphs).push(oneLine(before!));
    for (let index = 0; index < tagged.length; index += 2) {
      const tag = tagged[index]!;
      const text = oneLine(tagged[index + 1]!);
      if (tag.startsWith('param')) {
        const name = /^\S+/.exec(text)?.[0] ?? '';
        params.push({ name, text: text.slice(name.length).replace(/^\s*(?:[-–—:]\s+)?/, '') });
      } else if (tag.startsWith('return')) lists.returns.push(text);
      else if (tag === 'throws') lists.throws.push(text);
      else lists.notes.push(`${tag}: ${text}`);
    }
  }
  return { paragraphs, params, ...lists };
}

/** Text as Markdown: what stands in backticks stays, the rest means itself and never markup. */
export function markdownFromText(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) =>
      index % 2 === 1 ? part : part.replace(MARKUP, (mark) => `\\${mark}`).replace(/\]\(/g, ']&#40;'),
    )
    .join('');
}

/** Lines that belong together. A new block begins after a blank line, at a list mark, a label or a tag, and after a line
 *  outside of tags that ended long before it was full: a formula, an example, a rule of a grammar. */
function blocksOf(comment: string): string[] {
  const blocks: string[] = [];
  let isNew = true;
  let width = FULL_LINE;
  for (const raw of comment.split('\n')) {
    const line = raw.replace(/^\s*\*+ ?/, '').trim();
    if (line === '') {
      isNew = true;
      continue;
    }
    const isBroken = width + line.split(' ', 1)[0]!.length < FULL_LINE && !TAG.test(blocks.at(-1)!);
    if (isNew || isBroken || LABEL.test(line) || /^(?:[-*] |@)/.test(line)) blocks.push(line);
    else blocks.push(`${blocks.pop()!} ${line}`);
    isNew = false;
    width = raw.length;
  }
  return blocks;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
