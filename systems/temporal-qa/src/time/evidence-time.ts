/** The time that a piece of evidence states: of its body; of its title only where the title is a date or the body
 *  has none ("1954, May 15 – …", "1856 Last Island hurricane, …"). Used at ingestion and again by the verifier. */
import { spansOfText } from './annotate.ts';
import type { TimeSpan } from './span.ts';

const DATE_TITLE = /^(?:AD )?\d{1,4}(?: BC| AD)?$/;

export function statedSpans(text: string, title: string | undefined): TimeSpan[] {
  if (title === undefined || !text.startsWith(`${title}, `) || DATE_TITLE.test(title)) return spansOfText(text);
  const spans = spansOfText(text.slice(title.length + 2));
  return spans.length > 0 ? spans : spansOfText(title);
}
