import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ALLEN_RELATIONS,
  allenRelation,
  allenVerdict,
  annotateDates,
  annotateRelative,
  boundsOfYear,
  civilFromDay,
  closePaths,
  composeSets,
  converseOf,
  dayFromCivil,
  dayFromJulian,
  edtfFromSpan,
  eventSpan,
  isoFromDay,
  julianFromDay,
  julianText,
  parseDate,
  parseSpan,
  parseWikidataTime,
  parseXsdDateTime,
  possibleRelations,
  relationSet,
  relationsOf,
  spansOfText,
  stateSpan,
  verdictOf,
  windowOf,
  type Signal,
  type TimeSpan,
} from '../src/time/index.ts';

const day = fc.integer({ min: dayFromCivil(-9999, 1, 1), max: dayFromCivil(9999, 12, 31) });
const SIGNALS: readonly Signal[] = ['BEFORE', 'AFTER', 'OVERLAP', 'START', 'FINISH'];

test('day numbers and civil dates are inverse from 9999 BC to 9999', () => {
  fc.assert(
    fc.property(day, (value) => {
      const { year, month, day: dayOfMonth } = civilFromDay(value);
      assert.equal(dayFromCivil(year, month, dayOfMonth), value);
      const julian = julianFromDay(value);
      assert.equal(dayFromJulian(julian.year, julian.month, julian.day), value);
    }),
    { numRuns: 10_000 },
  );
});

test('the calendars meet where history says', () => {
  assert.equal(dayFromJulian(1582, 10, 4) + 1, dayFromCivil(1582, 10, 15));
  assert.equal(isoFromDay(dayFromJulian(1917, 10, 25)), '1917-11-07');
  assert.equal(dayFromCivil(1970, 1, 1), 0);
  assert.match(julianText(dayFromJulian(1616, 4, 23)), /^23 April 1616/);
});

test('every pair of proper intervals has exactly one Allen relation, and its converse the other way round', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 4 }), ([a, b, c, d]) => {
      fc.pre(a! < b! && c! < d!);
      const relation = allenRelation(a!, b!, c!, d!);
      assert.equal(allenRelation(c!, d!, a!, b!), converseOf(relation));
      // as exact uncertain intervals of whole days the same relation is the only possible one
      const exact = (from: number, to: number): TimeSpan => ({
        s0: from,
        s1: from,
        e0: to - 1,
        e1: to - 1,
        gran: 'day',
        kind: 'state',
      });
      assert.deepEqual(relationsOf(possibleRelations(exact(a!, b!), exact(c!, d!))), [relation]);
      assert.equal(allenVerdict(relationSet(relation), exact(a!, b!), exact(c!, d!)), 'certain');
    }),
    { numRuns: 10_000 },
  );
});

test('composition equals brute force over endpoints 0 to 7', () => {
  const intervals: [number, number][] = [];
  for (let from = 0; from < 8; from++) for (let to = from + 1; to < 8; to++) intervals.push([from, to]);
  const seen = new Map<string, Set<string>>();
  for (const a of intervals)
    for (const b of intervals)
      for (const c of intervals) {
        const key = `${allenRelation(...a, ...b)} ${allenRelation(...b, ...c)}`;
        let set = seen.get(key);
        if (!set) seen.set(key, (set = new Set()));
        set.add(allenRelation(...a, ...c));
      }
  assert.equal(seen.size, 169);
  for (const [key, set] of seen) {
    const [ab, bc] = key.split(' ') as [(typeof ALLEN_RELATIONS)[number], (typeof ALLEN_RELATIONS)[number]];
    assert.deepEqual(new Set(relationsOf(composeSets(relationSet(ab), relationSet(bc)))), set);
  }
});

test('a contradictory network of relations is found out, a sound one is tightened', () => {
  const all = relationSet(...ALLEN_RELATIONS);
  const before = relationSet('before');
  const after = relationSet('after');
  const sound = [all, before, all, after, all, before, all, after, all];
  assert.equal(closePaths(sound, 3), true);
  assert.deepEqual(relationsOf(sound[2]!), ['before']);
  assert.equal(closePaths([all, before, after, after, all, before, before, after, all], 3), false);
});

test('narrowing an interval never turns certain into impossible or back', () => {
  const uncertain = fc
    .tuple(fc.integer({ min: 0, max: 60 }), fc.nat(20), fc.nat(20), fc.nat(20))
    .map(([s0, width, gap, more]): TimeSpan => ({
      s0,
      s1: s0 + width,
      e0: s0 + width + gap,
      e1: s0 + width + gap + more,
      gran: 'day',
      kind: 'state',
    }));
  fc.assert(
    fc.property(uncertain, uncertain, fc.constantFrom(...SIGNALS), fc.nat(1000), fc.nat(1000), (a, c, signal, p, q) => {
      const wide = verdictOf(signal, a, c);
      const start = a.s0 + (p % (a.s1 - a.s0 + 1));
      const end = a.e0 + (q % (a.e1 - a.e0 + 1));
      const narrow = verdictOf(signal, { ...a, s0: start, s1: start, e0: end, e1: end }, c);
      if (wide === 'certain') assert.notEqual(narrow, 'impossible');
      if (wide === 'impossible') assert.equal(narrow, 'impossible');
    }),
    { numRuns: 10_000 },
  );
});

test('dates of free text are read in six languages, with BC, ranges, decades, centuries and open ends', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['founded in 1994', '1994'],
    ['from 1987 until 1996.', '1987/1996'],
    ['8 October 1983 – 14 May 1984', '1983-10-08/1984-05-14'],
    ['2003, March 20–May 22', '2003-03-20/2003-05-22'],
    ['the 1990s', '199X'],
    ['in the fourteenth century', '13XX'],
    ['on 15 March 44 BC', '-0043-03-15'],
    ['480–479 BC', '-0479/-0478'],
    ['in the year 987', '0987'],
    ['since 2005', '2005/..'],
    ['until 1996', '../1996'],
    ['the 1994/95 season', '1994/1995'],
    ['summer 1990', '[1990-06-01..1990-08-31]~'],
    ['17. März 1848', '1848-03-17'],
    ['le 14 juillet 1789', '1789-07-14'],
    ['3 de mayo de 1808', '1808-05-03'],
    ['12 dicembre 1969', '1969-12-12'],
    ['7 de setembro de 1822', '1822-09-07'],
    ['XIXe siècle', '18XX'],
    ['start time, 1978, end time, 1983', '1978/1983'],
    ['end time, 1983, start time, 1978', '1978/1983'],
  ];
  for (const [text, wanted] of cases) assert.deepEqual(spansOfText(text).map(edtfFromSpan), [wanted], text);
});

test('numbers that are no years and days that do not exist stay text', () => {
  for (const text of [
    'population 2000 people',
    '1,990 votes',
    '31 February 2001',
    '2001-02-30',
    '30.02.2001',
    'the 1500 m final',
    '$1990',
    'born on the 45th',
  ])
    assert.deepEqual(annotateDates(text), [], text);
  let told = '';
  annotateDates('on 31 June 1990 it ended', { onImpossible: (_, text) => (told = text) });
  assert.equal(told, '31 June 1990');
});

test('long runs of words that may begin a date are read to their end', () => {
  const text = `${'early '.repeat(50_000)}${'c. '.repeat(50_000)}in March ${'17 '.repeat(50_000)}1990`;
  assert.deepEqual(
    annotateDates(text).map(({ span }) => edtfFromSpan(span)),
    ['1990'],
  );
});

test('ISO, EDTF, Wikidata and RDF values keep BC years, precision and the Julian calendar', () => {
  assert.equal(edtfFromSpan(parseSpan('1994/..')), '1994/..');
  assert.equal(edtfFromSpan(parseSpan('Y-170000')), '-170000');
  assert.equal(parseDate('2004-##-##')!.gran, 'year');
  assert.equal(parseDate('2001-02-30'), undefined);
  // Wikidata JSON says −44 for 44 BC, RDF says −43
  assert.equal(parseWikidataTime('-0044-00-00T00:00:00Z', 9)!.bounds.lo, parseXsdDateTime('-0043-01-01T00:00:00Z')!.lo);
  assert.equal(parseWikidataTime('+1994-00-00T00:00:00Z', 9)!.bounds.gran, 'year');
  const julian = parseWikidataTime('+1582-10-04T00:00:00Z', 11, 'http://www.wikidata.org/entity/Q1985786')!;
  assert.equal(isoFromDay(julian.bounds.lo), '1582-10-14');
  assert.equal(julian.julian, true);
  assert.equal(parseWikidataTime('+1994-13-01T00:00:00Z', 11), undefined);
  assert.equal(edtfFromSpan(parseSpan('2000/2010')), '2000/2010');
  assert.throws(() => parseSpan('soon'), {
    message: /^parseSpan: a date or interval like .*, got "soon"\. TF-TEMPORAL-001$/,
  });
});

test('relative dates count from the reference day', () => {
  const ref = dayFromCivil(2016, 11, 7);
  const iso = (text: string) =>
    annotateRelative(text, ref).map(({ bounds }) => `${isoFromDay(bounds.lo)}/${isoFromDay(bounds.hi)}`)[0];
  assert.equal(iso('yesterday'), '2016-11-06/2016-11-06');
  assert.equal(iso('two weeks ago'), '2016-10-24/2016-10-24');
  assert.equal(iso('last year'), '2015-01-01/2015-12-31');
  assert.equal(iso('next month'), '2016-12-01/2016-12-31');
});

test('an event of the same year is possibly before and after, a state that hands over that day is surely before', () => {
  const event = eventSpan(boundsOfYear(1975));
  for (const signal of ['BEFORE', 'AFTER'] as const)
    assert.equal(verdictOf(signal, event, windowOf(event)), 'possible');
  const bush = parseSpan('2001-01-20/2009-01-20');
  const obama = parseSpan('2009-01-20/2017-01-20');
  assert.equal(verdictOf('BEFORE', bush, obama), 'certain');
  assert.equal(verdictOf('AFTER', obama, bush), 'certain');
  assert.equal(stateSpan(boundsOfYear(1990), boundsOfYear(1980)), undefined);
});
