/** Words: keys of names, tokens, light stems, stop words, and groups of words that say the same relation. */

const MARKS = /[\u0300-\u036f]/g;
const TOKEN = /[\p{L}\p{N}]+/gu;

/** Lower case without diacritics. */
export function foldText(text: string): string {
  // plain ASCII is the common case and needs no normalisation
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) > 127)
      return text
        .normalize('NFD')
        .replace(MARKS, '')
        .replaceAll('’', "'")
        .replaceAll('ø', 'o')
        .replaceAll('ł', 'l')
        .toLowerCase();
  return text.toLowerCase();
}

/** Words of a text, folded, possessive endings cut. */
export function wordsOf(text: string): string[] {
  return foldText(text).match(TOKEN) ?? [];
}

/** Key under which a name is known: its words joined by spaces. */
export function nameKey(label: string): string {
  return wordsOf(label).join(' ');
}

/** Endings cut by the light stemmer, longest first. */
const ENDINGS = ['ations', 'ation', 'ings', 'ing', 'ies', 'ied', 'ers', 'ors', 'er', 'or', 'ed', 'es', 's', 'e'];
const stems = new Map<string, string>();
const MAX_CACHED_STEMS = 200_000;

/** Light stem: equal for forms of one word ("founded", "founder", "founding"), then mapped to its relation group. */
export function stemOf(word: string): string {
  let stem = stems.get(word);
  if (stem !== undefined) return stem;
  stem = groupOf.get(word) ?? cut(word);
  stem = groupOf.get(stem) ?? stem;
  if (stems.size < MAX_CACHED_STEMS) stems.set(word, stem);
  return stem;
}

function cut(word: string): string {
  if (word.length < 4 || (word.charCodeAt(0) <= 57 && word.charCodeAt(0) >= 48)) return word;
  for (const ending of ENDINGS) {
    if (!word.endsWith(ending) || word.length - ending.length < 3) continue;
    let stem = word.slice(0, -ending.length);
    if (ending === 'ies' || ending === 'ied') return `${stem}y`;
    if (
      ending !== 's' &&
      ending !== 'e' &&
      stem.length > 3 &&
      stem.at(-1) === stem.at(-2) &&
      !'ls'.includes(stem.at(-1)!)
    )
      stem = stem.slice(0, -1);
    return stem;
  }
  return word;
}

export const STOP_WORDS: ReadonlySet<string> = new Set(
  `a an the of in on at to for from by with and or as is are was were be been being did do does has have had he she it its his her their they
  them that this these those which what who whom whose when where why how while during before after until since between into over
  you we us our your not no also then than there so such about out up s t him first last start end date time year years name named
  same more most other became become becomes end ended began begin started take took place many long much if would could will can
  according happened happen occur occurred held hold holding serve served serving`.split(/\s+/),
);

/** Words of one line say the same relation; the first names the group. Written by hand. */
const GROUPS = `fall fell fallen falls collapse collapsed
sink sank sunk sinking
begin began begun beginning
break broke broken
write wrote written writer author
fly flew flown
give gave given
lose lost loss
meet met meeting
sell sold sale
teach taught teacher
speak spoke spoken
discover discovered discovery discoverer
cross crossed crossing
win won wins lifted lifts winner winners winning victory victorious champion champions championship award awarded awards prize prizes laureate laureates received receive recipient
president presidents presidency
born birth birthday birthdate foaled
die died dies death deceased dead killed assassinated assassination murdered executed
person human
marry married spouse wife husband wed marriage
coach coached coaches manager managed managerial head-coach
founded founder founders founding foundation established establish inception formation formed creation created create
find finds found finding findings
destroy destroyed destroys destruction
reunify reunified reunification
unify unified unification
invade invaded invasion
acquire acquired acquires acquisition buy buys bought purchase purchased
resign resigned resigns resignation
retire retired retires retirement
merge merged merger
abolish abolished abolition
introduce introduced introduction
depart departed departure
arrive arrived arrival
go goes went gone going
make makes made making
come comes came coming
grow grows grew grown growth
rise rises rose risen
draw draws drew drawn
strike strikes struck
fight fights fought
send sends sent
spend spends spent
run runs ran running
burn burns burned burnt
shoot shoots shot
pay pays paid
steal steals stole stolen
stand stands stood standing
launch launched launches liftoff
land landed landing landings
play played plays playing team club squad
study studied educated attended attend education graduated graduate alma
employ employed employer works worked working
leader led lead leads leading
direct directed director directors
own owned owner owners
minister ministers
king kings monarch monarchs reign reigned ruled ruler queen
capital capitals
mission missions spaceflight flight
crew astronaut astronauts cosmonaut cosmonauts
commander command commanded commanding
succeed succeeded successor successors
precede preceded predecessor predecessors
publish published publication released release
build built construction constructed completed completion finished
member members membership
chancellor chancellors chancellorship
elect elected election elections
popes pope pontiff papacy
field category discipline
book novel
host hosted hosts hosting
join joined joins accession entered`;

const groupOf: ReadonlyMap<string, string> = new Map(
  GROUPS.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    return words.flatMap((word): [string, string][] => [
      [word, words[0]!],
      [cut(word), words[0]!],
    ]);
  }),
);

/** Whether a word says what happened: it belongs to a group, or is a past form. */
export function isRelationWord(word: string): boolean {
  return groupOf.has(word) || (word.length > 4 && word.endsWith('ed'));
}

/** Words that say how a post is held or a question asked, not what is asked: left out where nothing holds them. */
export const SOFT_WORDS: ReadonlySet<string> = new Set(
  `led lead leads leading headed heads heading governed governs governing ruled rules ran sat sits held already yet still ever
  right just exactly really person people someone name named true previously formerly currently nation in the seat charge office post
  position holder person's`.split(/\s+/),
);
