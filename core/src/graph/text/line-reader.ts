/** Tokens of one line of a graph's text form. */
import { graphError } from '../graph-errors.ts';

const TOKEN = /"(?:[^"\\]|\\.)*"|[()[\]{},=]|[^\s()[\]{},="]+/g;

export interface LineReader {
  /** Next token as a name: bare or JSON string. */
  name(): string;
  /** Consumes the token if it is next. */
  accept(token: string): boolean;
  expect(token: string): void;
  /** True if the line starts with one of the keywords and goes on with a name. */
  isDeclaration(keywords: readonly string[]): boolean;
  /** True if `token` comes before `other` in the rest of the line. */
  hasBefore(token: string, other: string): boolean;
  /** A JSON string or a number. */
  scalar(): string | number;
  /** Words up to `]`. */
  words(): string[];
  numbers(): number[];
  isAtEnd(): boolean;
  expectEnd(): void;
  /** @throws TF-GRAPH-009 with the line number */
  fail(expected: string, actual: string, hints?: readonly string[]): never;
}

export function createLineReader(line: string, lineNumber: number): LineReader {
  const tokens: readonly string[] = line.match(TOKEN) ?? [];
  let next = 0;

  function fail(expected: string, actual: string, hints: readonly string[] = []): never {
    throw graphError('TF-GRAPH-009', {
      subject: 'parseGraph',
      expected,
      actual,
      location: `line ${lineNumber}`,
      hints,
    });
  }
  function take(): string {
    const token = tokens[next++];
    if (token === undefined) fail('more on the line', 'its end');
    return token;
  }
  function numberFrom(word: string): number {
    const value = Number(word);
    if (Number.isNaN(value) && word !== 'NaN') fail('a number', word);
    return value;
  }
  function words(): string[] {
    const found: string[] = [];
    for (let token = take(); token !== ']'; token = take()) if (token !== ',') found.push(token);
    return found;
  }

  return {
    name() {
      const token = take();
      if ('()[]{},='.includes(token)) fail('a name', `"${token}"`);
      return token.startsWith('"') ? (JSON.parse(token) as string) : token;
    },
    accept(token) {
      if (tokens[next] !== token) return false;
      next++;
      return true;
    },
    expect(token) {
      const found = take();
      if (found !== token) fail(`"${token}"`, `"${found}"`);
    },
    isDeclaration: (keywords) =>
      keywords.includes(tokens[0]!) && tokens[1] !== '=' && tokens[1] !== ',' && tokens[1] !== '(' && tokens.length > 1,
    hasBefore(token, other) {
      const place = tokens.indexOf(token, next);
      const otherPlace = tokens.indexOf(other, next);
      return place >= 0 && (otherPlace < 0 || place < otherPlace);
    },
    scalar() {
      const token = take();
      return token.startsWith('"') ? (JSON.parse(token) as string) : numberFrom(token);
    },
    words,
    numbers: () => words().map(numberFrom),
    isAtEnd: () => next >= tokens.length,
    expectEnd() {
      if (next < tokens.length) fail('the end of the line', `"${tokens[next]}"`);
    },
    fail,
  };
}
