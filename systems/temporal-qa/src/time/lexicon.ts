/** Words of dates in six languages (English, German, French, Spanish, Italian, Portuguese): one map from a
 *  lower-case word to what it may be. A word may have several roles, hence bit-packed codes. */

export const KIND = {
  month: 1,
  season: 2,
  century: 3,
  bc: 4,
  ad: 5,
  circa: 6,
  part: 7,
  ordinal: 8,
  rangeWord: 9,
  present: 10,
  since: 11,
  until: 12,
  from: 13,
  between: 14,
  and: 15,
  of: 16,
  year: 17,
  decade: 18,
  unit: 19,
  weekday: 20,
  suffix: 21,
  /** q, h: letters before the number of a quarter or half. */
  fragment: 22,
  partWord: 23,
  fiscal: 24,
  millennium: 25,
} as const;
export type WordKind = (typeof KIND)[keyof typeof KIND];

/** code = kind · 64 + value. */
export const WORDS: ReadonlyMap<string, number> = buildWords();

export function kindOf(code: number): number {
  return code >> 6;
}

export function valueOf(code: number): number {
  return code & 63;
}

function buildWords(): Map<string, number> {
  const words = new Map<string, number>();
  const add = (kind: number, value: number, list: string) => {
    for (const word of list.split(' ')) if (!words.has(word)) words.set(word, kind * 64 + value);
  };
  const months = [
    'january jan januar jänner janvier enero gennaio janeiro',
    'february feb februar février fevrier febrero febbraio fevereiro',
    'march mar märz maerz mars marzo março marco',
    'april apr avril abril aprile',
    'may mai mayo maggio maio',
    'june jun juni juin junio giugno junho',
    'july jul juli juillet julio luglio julho',
    'august aug août aout agosto',
    'september sep sept septembre septiembre setiembre settembre setembro',
    'october oct oktober okt octobre octubre ottobre outubro',
    'november nov novembre noviembre novembro',
    'december dec dezember dez décembre decembre diciembre dicembre dezembro',
  ];
  months.forEach((list, index) => add(KIND.month, index + 1, list));
  add(KIND.season, 1, 'spring frühling frühjahr printemps primavera');
  add(KIND.season, 2, 'summer sommer été verano estate verão');
  add(KIND.season, 3, 'autumn fall herbst automne otoño autunno outono');
  add(KIND.season, 4, 'winter hiver invierno inverno');
  add(KIND.century, 0, 'century centuries jahrhundert jahrhunderts siècle siecle siglo secolo século seculo');
  add(KIND.bc, 0, 'bc bce');
  add(KIND.ad, 0, 'ad ce');
  add(KIND.circa, 0, 'c ca circa about around approximately approx um vers hacia verso cerca environ');
  add(KIND.fragment, 3, 'q');
  add(KIND.fragment, 6, 'h');
  add(KIND.partWord, 3, 'quarter quartal trimestre');
  add(KIND.partWord, 6, 'half halbjahr');
  add(KIND.fiscal, 0, 'fy fiscal geschäftsjahr');
  add(KIND.millennium, 0, 'millennium millennia jahrtausend millénaire milenio millennio milênio');
  add(KIND.part, 1, 'anfang early frühe frühen début beginning');
  add(KIND.part, 2, 'mid middle mitte');
  add(KIND.part, 3, 'late späte späten fin end ende');
  const ordinals =
    'first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth';
  ordinals.split(' ').forEach((word, index) => add(KIND.ordinal, index + 1, word));
  add(KIND.ordinal, 21, 'twenty-first');
  add(KIND.rangeWord, 0, 'to through bis à au hasta al até');
  add(KIND.until, 0, 'until till');
  add(KIND.present, 0, 'present today now heute aujourd’hui presente hoy oggi hoje incumbent ongoing');
  add(KIND.since, 0, 'since seit depuis desde');
  add(KIND.from, 0, 'from von vom du de dal');
  add(KIND.between, 0, 'between zwischen entre');
  add(KIND.and, 0, 'and und et y e');
  add(KIND.of, 0, 'of di do del');
  add(KIND.year, 0, 'year years jahr année año anno ano');
  add(KIND.decade, 0, 's er');
  add(KIND.suffix, 0, 'st nd rd th º ª');
  add(
    KIND.unit,
    0,
    'km kilometres kilometers m metres meters miles ft feet people inhabitants votes seats men women soldiers troops tons tonnes kg copies points goals runs km² acres hectares dollars euros pounds units students employees members stations episodes pages light-years horsepower hp mw watts volts hz mhz',
  );
  add(
    KIND.unit,
    0,
    'million billion thousand percent times households residents caps yards games matches rpm cc bytes',
  );
  return words;
}
