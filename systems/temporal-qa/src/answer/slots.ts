/** Which value of a piece of evidence answers a question: the slot that the question does not name. */
import { namesIn } from '../ingest/names.ts';
import type { Evidence } from '../store/types.ts';
import type { Frame } from '../understand/frame.ts';
import { annotateDates } from '../time/index.ts';
import { nameKey, STOP_WORDS, stemOf, wordsOf } from '../understand/words.ts';
import type { Linker } from '../retrieve/linker.ts';

export interface SlotAnswer {
  readonly label: string;
  /** −1..1: how well the slot fits what is asked. */
  readonly fit: number;
}

export const PERSON_TYPES =
  /person|human|president|minister|player|scientist|writer|astronaut|politician|king|queen|pope|coach|monarch|emperor|physicist|chemist|author|cosmonaut/;
/** Small words within names of people. */
const PARTICLE = /^(?:of|the|de|del|della|da|di|du|van|von|der|den|la|le|el|al|bin|ibn|y|e|zu|af|av)$/;
const TYPE_MATCH = 0.5;
/** Types are given for some names alone, so a match counts less than a column of that name. */
const NOUN_MATCH = 0.25;
const TYPE_MISMATCH = -0.6;
const NAMED_FIELD = 1;
/** A value whose words the question mostly holds is no answer. */
const MAX_NAMED = 0.7;
const MAX_LABEL_LENGTH = 70;

export function slotAnswers(
  evidence: Evidence,
  frame: Frame,
  questionStems: ReadonlySet<string>,
  linker: Linker,
): SlotAnswer[] {
  const asked = frame.answerType;
  const wanted = new Set(
    wordsOf(asked)
      .filter((word) => !STOP_WORDS.has(word))
      .map(stemOf),
  );
  const found: SlotAnswer[] = [];
  const add = (label: string, bonus: number, slotName: string, isAsked = false) => {
    const clean = withoutDate(label.trim());
    if (clean.length < 2 || clean.length > MAX_LABEL_LENGTH) return;
    if (/\d/.test(clean) && isDate(clean)) return;
    const words = wordsOf(clean).filter((word) => !STOP_WORDS.has(word));
    if (words.length === 0) return;
    const named = words.filter((word) => questionStems.has(stemOf(word))).length / words.length;
    if (named > MAX_NAMED) return;
    const isNumber = /^[\d.,+\s%-]+$/.test(clean);
    if (frame.kind === 'number') {
      if (!/\d/.test(clean)) return;
    } else if (isNumber && !isAsked && !/number|year|record|score/.test(asked)) return;
    let fit = bonus - 0.5 * named;
    const type = linker.typeOf(clean);
    const slotStems = wordsOf(slotName).map(stemOf);
    if (slotStems.some((stem) => wanted.has(stem))) fit += TYPE_MATCH;
    if (asked === 'person') {
      if (type) fit += PERSON_TYPES.test(type) ? TYPE_MATCH : TYPE_MISMATCH;
      else if (slotName === '' && !/\s/.test(clean)) fit -= 0.2;
    } else if (wanted.size > 0 && asked !== 'entity' && asked !== 'place') {
      const typeStems = wordsOf(type ?? '').map(stemOf);
      if (typeStems.some((stem) => wanted.has(stem))) fit += NOUN_MATCH;
      else if (type && PERSON_TYPES.test(type) && !PERSON_TYPES.test(asked)) fit += TYPE_MISMATCH;
      else if (type) fit -= 0.15;
    } else if (asked === 'place' && type) fit += /country|city|place|venue|state|site/.test(type) ? TYPE_MATCH : -0.3;
    found.push({ label: clean, fit });
  };
  const fields = evidence.fields ?? [];
  for (const { name, value } of fields) {
    const isNamed = wordsOf(name).some((word) => questionStems.has(stemOf(word)));
    add(value, 0.2 + (isNamed ? NAMED_FIELD : 0), name, isNamed);
  }
  if (fields.length > 0 && evidence.subject) add(evidence.subject, 0.2, '');
  if (fields.length === 0) {
    const body = evidence.subject ? evidence.text.slice(evidence.subject.length + 2) : evidence.text;
    for (const name of namesIn(body)) add(name, placeOf(name, body, asked), '');
    if (asked === 'entity') for (const amount of amountsIn(body)) add(amount, -0.1, '', true);
    // a sentence about someone who is named only by the page: "He …"; "Her predecessor" is somebody else
    const isOfPage = /^(?:He|She|It|They)\b/.test(body);
    if (evidence.subject && (asked !== 'person' || mayBePerson(evidence.subject, linker)))
      add(evidence.subject, isOfPage ? 0.3 : -0.2, '');
    if (asked === 'entity') for (const phrase of objectsOfVerbs(body, questionStems)) add(phrase, -0.1, '');
  }
  const best = new Map<string, SlotAnswer>();
  for (const answer of found) {
    const key = nameKey(answer.label);
    const known = best.get(key);
    if (!known || known.fit < answer.fit) best.set(key, answer);
  }
  return [...best.values()].toSorted((a, b) => b.fit - a.fit);
}

const AMOUNT =
  /(?<![\d.,–-])(?:[€$£¥]\s?\d[\d.,]*(?: (?:thousand|million|billion))?|\d[\d.,]*(?:\s?%| (?:percent|per cent|thousand|million|billion)(?: \p{Ll}+| \p{Lu}{3}\b)?))/gu;
const ORGANISATION =
  /\b(?:University|Institute|College|School|Academy|Hospital|Museum|Company|Bank|Studios?|Laborator(?:y|ies)|GmbH|AG|Inc|Ltd|LLC|Corp)\b/;

/** Money, shares and large counts, with their unit. */
function amountsIn(text: string): string[] {
  return [...text.matchAll(AMOUNT)].map(([amount]) => amount.replace(/[.,]+$/, ''));
}

/** Bonus of a name for where it stands: "…: Junior developer, …" begins with a capital and no name; who is asked for a
 *  place is told of a house rather than of a subject. */
function placeOf(name: string, body: string, asked: string): number {
  if (asked === 'place' && ORGANISATION.test(name)) return 0.1;
  const at = body.indexOf(name);
  const isLabel =
    !/\s/.test(name) && body.slice(0, at).endsWith(': ') && /^ \p{Ll}/u.test(body.slice(at + name.length));
  return isLabel ? -0.15 : 0;
}

/** A page may be named by a person: it has no other type, and no small or first word of a phrase. */
function mayBePerson(title: string, linker: Linker): boolean {
  const type = linker.typeOf(title);
  if (type !== undefined) return PERSON_TYPES.test(type);
  return title
    .replace(/\s*\([^)]*\)$/, '')
    .split(/\s+/)
    .every((word) => /^["“(]?\p{Lu}/u.test(word) || PARTICLE.test(word));
}

/** "STS-125, May 2009" is STS-125. */
function withoutDate(label: string): string {
  const [date] = annotateDates(label);
  if (!date || date.start === 0) return label;
  const rest = label.slice(0, date.start).replace(/[\s,(–-]+$/, '');
  return rest.length > 1 &&
    !/\b(?:of|in|the|and)$/i.test(rest) &&
    date.end >= label.length - 1 &&
    /[,(]/.test(label.slice(rest.length, date.start))
    ? rest
    : label;
}

function isDate(label: string): boolean {
  const [date] = annotateDates(label);
  return date !== undefined && date.start === 0 && date.end >= label.length - 1;
}

/** Noun phrases in small letters right after a verb that the question uses: "discovered polonium". */
function objectsOfVerbs(text: string, questionStems: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(
    /\b([a-z]+)\s+((?:\p{Ll}[\p{L}-]*\s+){0,2}?\p{Ll}[\p{L}-]+)(?=[.,;]|\s+(?:in|on|at|together|with|from|after|before|and)\b)/gu,
  ))
    if (questionStems.has(stemOf(match[1]!.toLowerCase())))
      found.push(match[2]!.replace(/^(?:the|a|an|his|her|its|their)\s+/, ''));
  return found;
}
