/** Questions about made-up lands in which no event sets the time: an explicit date, an ordinal, now, or no time at all.
 *  They teach the signal classifier what TIQ does not hold: its questions without a condition all begin with "When". */
import type { Rng } from '@tenfold/core/base';
import { ENDS, STARTS } from './made-up-lands.ts';

const WORDS: Readonly<Record<string, readonly string[]>> = {
  office: [
    'president',
    'king',
    'queen',
    'mayor',
    'bishop',
    'chief justice',
    'governor',
    'prime minister',
    'chancellor',
  ],
  boss: ['director', 'head coach', 'manager', 'chair', 'editor', 'owner', 'captain', 'employer', 'teacher', 'spouse'],
  group: ['club', 'team', 'party', 'company', 'university', 'orchestra', 'newspaper', 'band', 'school', 'league'],
  thing: [
    'capital',
    'currency',
    'largest city',
    'population',
    'anthem',
    'official language',
    'nickname',
    'headquarters',
  ],
  work: [
    'novel',
    'bridge',
    'opera',
    'film',
    'tower',
    'law',
    'comet',
    'vaccine',
    'mountain',
    'railway',
    'treaty',
    'ship',
  ],
  made: ['wrote', 'built', 'discovered', 'invented', 'directed', 'founded', 'designed', 'signed', 'climbed', 'named'],
  won: ['won', 'received', 'hosted', 'lost', 'organised', 'was awarded', 'shared', 'refused', 'was nominated for'],
  event: ['Cup', 'Prize', 'Medal', 'Games', 'Championship', 'Election', 'Festival', 'Award', 'Open', 'Tournament'],
  kind: [
    'country',
    'nation',
    'city',
    'mission',
    'person',
    'woman',
    'writer',
    'player',
    'ship',
    'probe',
    'actor',
    'state',
  ],
  did: ['play for', 'join', 'belong to', 'coach', 'work for', 'lead', 'study at', 'manage', 'teach at', 'represent'],
  where: ['live', 'work', 'study', 'die', 'play', 'teach', 'serve', 'grow up', 'settle', 'train'],
  nth: [
    'first',
    'second',
    'third',
    'fourth',
    'fifth',
    'sixth',
    'ninth',
    'last',
    'latest',
    'oldest',
    '3rd',
    '12th',
    '21st',
  ],
  was: ['was', 'was', 'was', 'is', 'became', 'served as'],
  month: ['January', 'March', 'May', 'June', 'August', 'October', 'December'],
  went: ['landed', 'arrived', 'was launched', 'was built', 'burnt down', 'was sold', 'opened', 'sank', 'flew'],
};

const FORMS: readonly string[] = [
  'Who {was} {office} of {L}',
  'Who {was} the {office} of {L}',
  'Who {was} the {boss} of {P}',
  'Who {was} {L} {office}',
  'Which {kind} {was} {office} of {L}',
  'Who {made} the {work} of {L}',
  'Who {made} {N}',
  'Who {won} the {N} {event}',
  'Who {won} the {N} {event} in {L}',
  'Which {kind} {won} the {N} {event}',
  'Which {kind} {was} champion of the {N} {event}',
  'Which {group} {won} the {N} {event}',
  'Which {group} did {P} {did}',
  'What {group} did {P} {did}',
  'For which {group} did {P} play',
  'In which {kind} did {P} {where}',
  'At which {group} did {P} {where}',
  'Where did {P} {where}',
  'Where was {P} born',
  'Where {was} the {N} {event} held',
  'What was the {thing} of {L}',
  'What is the {thing} of {L}',
  'What {group} employed {P}',
  'Which {kind} {went} in {L}',
  'Which {kind} {went} at {N}',
  'What {work} did {P} write',
  'Who was the {nth} {office} of {L}',
  'Who was the {nth} {kind} in {L}',
  'Who was the {nth} {kind} to reach {N}',
  'Which {kind} was the {nth} to {where} in {L}',
  'Which {kind} was the {nth} {won} of the {N} {event}',
  'Which was the {nth} {group} that {P} played for',
  'What was the {nth} {group} of {P}',
  'Which {group} did {P} {did} {nth}',
  'Where was the {nth} {event} of {L}',
  'In which {kind} was the {nth} {N} {event} held',
  'Who {won} the {nth} {N} {event}',
  'Name the {nth} {office} of {L}',
  'Name the {office} of {L}',
  'Who is the current {office} of {L}',
  'Who was the previous {boss} of {P}',
  'Which {group} does {P} currently {did}',
  'How many {kind}s did {P} visit',
  'How many {work}s did {P} write',
  'How long was {P} {office} of {L}',
  'For how many years did {P} {did} {N}',
  'Was {P} {office} of {L}',
  'Did {P} {did} {N} {group}',
  'Is {N} the {thing} of {L}',
  'Who was born first, {P} or {P}',
  'Which {went} later, {N} or {N}',
  'Who {made} the {work} that {P} liked',
  'Which {kind} is {P}, the {nth} {boss} of {N}, a citizen of',
  'What country is {P}, the {kind} from {L}, a citizen of',
  'In what {group} is {N}, a {work} in {L}, kept',
  'Which {office} of {L} {made} the {work} and {won} the {N} {event}',
  'In which {group} was {P} captain and {boss}',
  'What did {P} say about the {work} of {L}',
  'Who are the {kind}s of {L}',
  'Who {made} the {nth} {work} of {L}',
];
const TAILS: readonly string[] = [
  ' in {Y}',
  ' in {Y}',
  ' in {month} {Y}',
  ' on {D} {month} {Y}',
  ' before {Y}',
  ' after {Y}',
  ' since {Y}',
  ' until {Y}',
  ' from {Y} to {Y}',
  ' between {Y} and {Y}',
  ' in the {C}s',
  ' during {Y}',
  ' during the {C}s',
  ' in the {nth} century',
];
const SHARE_WITHOUT_TIME = 0.6;
const SHARE_FRONTED = 0.08;

/** @returns distinct questions, ended by a question mark */
export function makePlainQuestions(rng: Rng, count: number): string[] {
  const pick = <T>(list: readonly T[]): T => list[rng.integer(list.length)]!;
  const name = () => `${pick(STARTS)}${pick(ENDS)}`;
  const slot = (key: string): string => {
    switch (key) {
      case 'P':
        return rng.uniform() < 0.8 ? `${name()} ${name()}` : name();
      case 'L':
        return `${rng.uniform() < 0.15 ? 'the United ' : ''}${name()}${pick(['ia', 'land', 'ora', ''])}`;
      case 'N':
        return `${name()}${pick(['', '', ` ${1 + rng.integer(20)}`, ` ${name()}`])}`;
      case 'Y':
        return String(1100 + rng.integer(920));
      case 'C':
        return String(1700 + 10 * rng.integer(32));
      case 'D':
        return String(1 + rng.integer(28));
      default:
        return pick(WORDS[key]!);
    }
  };
  const fill = (form: string) => form.replaceAll(/\{(\w+)\}/g, (_, key: string) => slot(key));
  const questions = new Set<string>();
  while (questions.size < count) {
    const main = fill(pick(FORMS));
    const draw = rng.uniform();
    if (draw < SHARE_WITHOUT_TIME) questions.add(`${main}?`);
    else if (draw < SHARE_WITHOUT_TIME + SHARE_FRONTED)
      questions.add(`${fill('In {Y}, ')}${main[0]!.toLowerCase()}${main.slice(1)}?`);
    else questions.add(`${main}${fill(pick(TAILS))}?`);
  }
  return [...questions];
}
