/** Reads quorum expressions: expr = term {"+" term}; term = factor {"*" factor};
 *  factor = id | "(" expr ")" | "choose" int? "(" [int ","] list ")" | "majority" "(" list ")". Ids may be quoted. */
import { familiesError } from '../families-errors.ts';
import { both, choose, either, nodeExpr } from './expression.ts';
import type { QuorumExpr } from './types.ts';

interface Token {
  readonly kind: 'id' | 'int' | 'sign';
  readonly text: string;
  readonly at: number;
}

/** @throws TF-FAMILIES-010 with the position of the first surprise */
export function parseExpression(text: string): QuorumExpr {
  const tokens = tokenise(text);
  if (tokens.length === 0) throw unreadable(text, 'an expression', 'nothing', 0);
  let next = 0;
  const peek = (sign: string): boolean => tokens[next]?.kind === 'sign' && tokens[next]!.text === sign;
  const expect = (sign: string): void => {
    if (!peek(sign)) throw surprise(`"${sign}"`);
    next++;
  };
  const surprise = (expected: string): Error => {
    const token = tokens[next];
    return unreadable(text, expected, token ? `"${token.text}"` : 'the end', token?.at ?? text.length);
  };
  const expr = (): QuorumExpr => {
    const terms = [term()];
    while (peek('+')) {
      next++;
      terms.push(term());
    }
    return either(...terms);
  };
  const term = (): QuorumExpr => {
    const factors = [factor()];
    while (peek('*')) {
      next++;
      factors.push(factor());
    }
    return both(...factors);
  };
  const factor = (): QuorumExpr => {
    if (peek('(')) {
      next++;
      const inner = expr();
      expect(')');
      return inner;
    }
    const token = tokens[next];
    if (token?.kind !== 'id') throw surprise('a node, "(", "choose" or "majority"');
    next++;
    const callee = token.text;
    const isCall = peek('(') || (callee === 'choose' && tokens[next]?.kind === 'int');
    if ((callee !== 'choose' && callee !== 'majority') || !isCall) return nodeExpr(callee);
    return callOf(callee);
  };
  const callOf = (callee: string): QuorumExpr => {
    const at = tokens[next]?.at ?? text.length;
    let k = readInt();
    expect('(');
    if (k === undefined && callee === 'choose') {
      k = readInt();
      expect(',');
    }
    const bracket = peek('[');
    if (bracket) next++;
    const parts = [expr()];
    while (peek(',')) {
      next++;
      parts.push(expr());
    }
    if (bracket) expect(']');
    expect(')');
    const count = callee === 'majority' ? Math.floor(parts.length / 2) + 1 : k;
    if (count === undefined || count < 1 || count > parts.length)
      throw unreadable(text, `a choice of 1..${parts.length}`, String(count), at);
    return choose(count, parts);
  };
  const readInt = (): number | undefined => (tokens[next]?.kind === 'int' ? Number(tokens[next++]!.text) : undefined);
  const parsed = expr();
  if (next < tokens.length) throw surprise('the end');
  return parsed;
}

function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s*(?:([A-Za-z_][\w.-]*)|"([^"]+)"|'([^']+)'|(\d+)|([-+*(),[\]]))/y;
  while (pattern.lastIndex < text.length) {
    const start = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match) {
      if (text.slice(start).trim() === '') break;
      throw unreadable(text, 'a node or one of + * ( ) ,', JSON.stringify(text.slice(start).trim()[0]), start);
    }
    const [, plain, double, single, int, sign] = match;
    const id = plain ?? double ?? single;
    tokens.push({
      kind: id !== undefined ? 'id' : int !== undefined ? 'int' : 'sign',
      text: id ?? int ?? sign!,
      at: pattern.lastIndex - match[0].trimStart().length,
    });
  }
  return tokens;
}

function unreadable(text: string, expected: string, actual: string, at: number): Error {
  return familiesError('TF-FAMILIES-010', {
    subject: 'parseExpression',
    expected,
    actual,
    location: `column ${at + 1} of ${JSON.stringify(text)}`,
  });
}
