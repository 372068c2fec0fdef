/** Made-up lands with offices, events, prose and tables, and questions about them: training data of our own. */
import type { Rng } from '@tenfold/core/base';
import { evidenceOfSentence } from '../src/ingest/sentences.ts';
import { evidenceOfRow } from '../src/ingest/tables.ts';
import { evidenceOfFact } from '../src/ingest/verbalise.ts';
import type { NewEvidence } from '../src/store/types.ts';
import { boundsOfDay, boundsOfYear } from '../src/time/index.ts';

const OFFICES = ['president', 'chancellor', 'head coach', 'mayor', 'bishop', 'director', 'king', 'admiral'];
const EVENTS = ['flood', 'harvest fair', 'border treaty', 'great fire', 'rail strike', 'harbour opening'];
export const STARTS = [
  'Ka',
  'Mor',
  'Tel',
  'Vin',
  'Os',
  'Lu',
  'Bra',
  'Fen',
  'Gar',
  'Hil',
  'Jo',
  'Ner',
  'Pel',
  'Sor',
  'Wy',
  'Zan',
];
export const ENDS = ['dor', 'lin', 'mark', 'ness', 'ran', 'stad', 'ton', 'vik', 'wen', 'ya', 'gard', 'berg'];

export interface MadeQuestion {
  readonly question: string;
  readonly answers: readonly string[];
}

export interface MadeLand {
  readonly evidence: readonly NewEvidence[];
  readonly labels: readonly string[];
  readonly questions: readonly MadeQuestion[];
}

export function makeLand(rng: Rng, place: number): MadeLand {
  const pick = <T>(list: readonly T[]): T => list[rng.integer(list.length)]!;
  const name = () => `${pick(STARTS)}${pick(ENDS)}`;
  const land = `${name()}${pick(['ia', 'land', 'ora'])} ${place}`.replace(/ \d+$/, (digits) => letters(Number(digits)));
  const evidence: NewEvidence[] = [];
  const labels = new Set([land]);
  const questions: MadeQuestion[] = [];
  const offices = [...OFFICES];
  rng.shuffle(offices);
  const base = { doc: `land ${place}` };
  const year0 = 1700 + rng.integer(200);
  for (const office of offices.slice(0, 3)) {
    const holders: { name: string; from: number; to: number }[] = [];
    let year = year0 + rng.integer(20);
    for (let k = 0; k < 6; k++) {
      const to = year + 1 + rng.integer(9);
      holders.push({ name: `${name()} ${name()}`, from: year, to });
      year = to + (rng.uniform() < 0.2 ? 1 + rng.integer(4) : 0);
    }
    holders.forEach((holder, index) => {
      labels.add(holder.name);
      const form = rng.uniform();
      const locator = `${office} ${index}`;
      if (form < 0.5)
        evidence.push(
          evidenceOfFact({
            ...base,
            subject: land,
            relation: office,
            object: holder.name,
            start:
              rng.uniform() < 0.5
                ? boundsOfYear(holder.from)
                : boundsOfDay(holder.from, 1 + rng.integer(12), 1 + rng.integer(28)),
            end: boundsOfYear(holder.to),
            locator,
          }),
        );
      else if (form < 0.75)
        evidence.push(
          evidenceOfSentence(`${holder.name} was ${office} of ${land} from ${holder.from} to ${holder.to}.`, {
            title: rng.uniform() < 0.5 ? land : holder.name,
            ...base,
            locator,
          }),
        );
      else
        evidence.push(
          evidenceOfRow({
            title: `${office} of ${land}`,
            ...base,
            locator,
            fields: [
              { name: office, value: holder.name },
              { name: 'Years', value: `${holder.from}–${holder.to}` },
            ],
          }),
        );
      // noise: another place of the same person, a visit by another one, an undated mention
      if (rng.uniform() < 0.5)
        evidence.push(
          evidenceOfSentence(`In ${holder.from + 1} the ${office} of ${land} received ${name()} ${name()}.`, {
            title: land,
            ...base,
            locator: `${locator} visit`,
          }),
        );
      if (rng.uniform() < 0.3)
        evidence.push(
          evidenceOfSentence(`${holder.name} was a popular ${office}.`, {
            title: holder.name,
            ...base,
            locator: `${locator} note`,
          }),
        );
    });
    const event = pick(EVENTS);
    const at = holders[1 + rng.integer(4)]!;
    if (at.to > at.from + 1) {
      const eventYear = at.from + 1 + rng.integer(at.to - at.from - 1);
      evidence.push(
        evidenceOfSentence(`The ${event} of ${land} took place in ${eventYear}.`, {
          title: land,
          ...base,
          locator: `${event} ${office}`,
        }),
      );
      if (!questions.some((known) => known.question.includes(event)))
        questions.push({ question: `Who was ${office} of ${land} during the ${event}?`, answers: [at.name] });
      questions.push({ question: `Who was ${office} of ${land} in ${eventYear}?`, answers: [at.name] });
    }
    const middle = 1 + rng.integer(4);
    questions.push(
      {
        question: `Who was ${office} of ${land} before ${holders[middle]!.name}?`,
        answers: [holders[middle - 1]!.name],
      },
      {
        question: `Who was ${office} of ${land} after ${holders[middle]!.name}?`,
        answers: [holders[middle + 1]!.name],
      },
      {
        question: `Who was the ${office} of ${land} before ${holders[middle]!.from}?`,
        answers: [holders[middle - 1]!.name],
      },
    );
  }
  addCup(rng, { land, place, labels, evidence, questions, name });
  return { evidence, labels: [...labels], questions };
}

interface LandParts {
  readonly land: string;
  readonly place: number;
  readonly labels: Set<string>;
  readonly evidence: NewEvidence[];
  readonly questions: MadeQuestion[];
  readonly name: () => string;
}

/** A cup of single years or of seasons that touch, in a table or as facts: the neighbour is not the year itself. */
function addCup(rng: Rng, { land, place, labels, evidence, questions, name }: LandParts): void {
  const isSeason = rng.uniform() < 0.5;
  const cup = `${name()} ${isSeason ? 'League' : 'Cup'}`;
  const step = isSeason ? 1 : 1 + rng.integer(4);
  const first = 1880 + rng.integer(100);
  const clubs = Array.from({ length: 4 }, () => `${name()} ${['United', 'Rovers', 'City'][rng.integer(3)]}`);
  const isTable = rng.uniform() < 0.7;
  labels.add(cup);
  const winners: string[] = [];
  for (let k = 0; k < 8; k++) {
    let club = clubs[rng.integer(4)]!;
    while (club === winners.at(-1)) club = clubs[rng.integer(4)]!;
    winners.push(club);
    labels.add(club);
    const year = first + k * step;
    const time = isSeason ? `${year}–${String((year + 1) % 100).padStart(2, '0')}` : String(year);
    const where = { doc: `land ${place}`, locator: `${cup} ${k}` };
    evidence.push(
      isTable
        ? evidenceOfRow({
            title: cup,
            ...where,
            fields: [
              { name: isSeason ? 'Season' : 'Year', value: time },
              { name: 'Champion', value: club },
              { name: 'Runner-up', value: clubs.find((other) => other !== club)! },
            ],
          })
        : evidenceOfFact({ ...where, subject: cup, relation: 'champion', object: club, point: boundsOfYear(year) }),
    );
  }
  const at = 2 + rng.integer(4);
  const year = first + at * step;
  const when = isSeason && isTable ? `${year}/${String((year + 1) % 100).padStart(2, '0')}` : String(year);
  questions.push({ question: `Which club was champion of the ${cup} in ${when}?`, answers: [winners[at]!] });
  if (!isSeason)
    questions.push(
      { question: `Which club was champion of the ${cup} before ${year}?`, answers: [winners[at - 1]!] },
      { question: `Who won the ${cup} of ${land} after ${year}?`, answers: [winners[at + 1]!] },
    );
  else if (isTable)
    questions.push({ question: `Which club was ${cup} champion in the ${when} season?`, answers: [winners[at]!] });
}

/** A word for a number, so that lands differ by name. */
function letters(value: number): string {
  return ` ${STARTS[value % STARTS.length]}${ENDS[Math.floor(value / STARTS.length) % ENDS.length]}`;
}
