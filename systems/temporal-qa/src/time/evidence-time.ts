/** The time that a piece of evidence states: of its body; of its title only where the title is a date or the body
 *  has none ("1954, May 15 – …", "1856 Last Island hurricane, …"). Used at ingestion and again by the verifier. */
import { spansOfText } from './annotate.ts';
import type { TimeSpan } from './span.ts';

/** A year, or a day whose years stand in the body: "January 15, 1582 – …". */
const DATE_TITLE =
  /^(?:(?:AD )?\d{1,4}(?: BC| AD)?|(?:January|February|March|April|May|June|July|August|September|October|November|December) \d{1,2}|\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December))$/;

export function statedSpans(text: string, title: string | undefined): TimeSpan[] {
  if (title === undefined || !text.startsWith(`${title}, `) || DATE_TITLE.test(title)) return spansOfText(text);
  const spans = spansOfText(text.slice(title.length + 2));
  return spans.length > 0 ? spans : spansOfText(title);
}
