/** The formula language of the conjecture explorer (spec §2.15), evaluated in BigInt.
 *
 *  Numbers, + − * / ^, comparisons (1 or 0), if(c, a, b), max, min, binom(a, b), sum(from, to, body in i);
 *  n, m, t; k(i) sorted maxima, largest first; last = k(m); star; ball(j, s) and s(j) with j a family in the order given;
 *  jmax the first family of largest maximum; balls = max_j ball(j, s(j)); mixed of the uniform mixed theorem;
 *  layers(body): the sum over all layers, with `size` the size and `family` the family number in the body. */
import { binomial } from './binomial.ts';
import { ballCentre, ballValue, starValue, uniformMixed } from './closed-form.ts';
import { familiesError } from './families-errors.ts';
import { maxima } from './problem.ts';
import type { Problem } from './types.ts';

type Node =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'name'; readonly name: string; readonly at: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Node[]; readonly at: number }
  | { readonly kind: 'binary'; readonly op: string; readonly left: Node; readonly right: Node }
  | { readonly kind: 'minus'; readonly of: Node };

export interface Formula {
  readonly text: string;
  evaluate(problem: Problem): bigint;
}

const LEVELS: readonly (readonly string[])[] = [['<', '<=', '>', '>=', '==', '!='], ['+', '-'], ['*', '/'], ['^']];
const FUNCTIONS: Readonly<Record<string, number | undefined>> = {
  k: 1, s: 1, ball: 2, binom: 2, if: 3, layers: 1, sum: 3, max: undefined, min: undefined,
}; // prettier-ignore
const NAMES = ['n', 'm', 't', 'star', 'balls', 'mixed', 'last', 'jmax', 'i', 'size', 'family'];

/** @throws TF-FAMILIES-005 with the position */
export function parseFormula(text: string): Formula {
  const tokens = [...text.matchAll(/\s*(?:(\d+)|([A-Za-z_]\w*)|(<=|>=|==|!=|[-+*/^(),<>])|(\S))/g)].map((match) => ({
    text: match[1] ?? match[2] ?? match[3] ?? match[4]!,
    kind: match[1] ? 'number' : match[2] ? 'name' : match[3] ? 'sign' : 'other',
    at: match.index! + match[0].length - (match[1] ?? match[2] ?? match[3] ?? match[4]!).length,
  }));
  let next = 0;
  const fail = (expected: string): Error =>
    malformed(text, expected, tokens[next] ? `"${tokens[next]!.text}"` : 'the end', tokens[next]?.at ?? text.length);
  const take = (sign: string): boolean =>
    tokens[next]?.kind === 'sign' && tokens[next]!.text === sign ? (next++, true) : false;
  const level = (depth: number): Node => {
    if (depth === LEVELS.length) return unary();
    let left = level(depth + 1);
    for (;;) {
      const token = tokens[next];
      if (token?.kind !== 'sign' || !LEVELS[depth]!.includes(token.text)) return left;
      next++;
      // ^ binds to the right.
      const right = token.text === '^' ? level(depth) : level(depth + 1);
      left = { kind: 'binary', op: token.text, left, right };
    }
  };
  const unary = (): Node => {
    if (take('-')) return { kind: 'minus', of: unary() };
    const token = tokens[next];
    if (take('(')) {
      const inner = level(0);
      if (!take(')')) throw fail('")"');
      return inner;
    }
    if (token?.kind === 'number') {
      next++;
      return { kind: 'number', value: BigInt(token.text) };
    }
    if (token?.kind !== 'name') throw fail('a number, a name or "("');
    next++;
    if (!take('(')) {
      if (!NAMES.includes(token.text)) throw malformed(text, `one of ${NAMES.join(', ')}`, `"${token.text}"`, token.at);
      return { kind: 'name', name: token.text, at: token.at };
    }
    if (!(token.text in FUNCTIONS))
      throw malformed(text, `one of ${Object.keys(FUNCTIONS).join(', ')}`, `"${token.text}"`, token.at);
    const args = [level(0)];
    while (take(',')) args.push(level(0));
    if (!take(')')) throw fail('")"');
    const arity = FUNCTIONS[token.text];
    if (arity !== undefined && args.length !== arity)
      throw malformed(text, `${arity} arguments of ${token.text}`, String(args.length), token.at);
    return { kind: 'call', name: token.text, args, at: token.at };
  };
  const tree = level(0);
  if (next < tokens.length) throw fail('the end');
  return { text, evaluate: (problem) => evaluate(tree, problem, {}, text) };
}

type Scope = Readonly<Record<string, bigint>>;

function evaluate(node: Node, problem: Problem, scope: Scope, text: string): bigint {
  const at = (part: Node, inner: Scope = scope): bigint => evaluate(part, problem, inner, text);
  switch (node.kind) {
    case 'number':
      return node.value;
    case 'minus':
      return -at(node.of);
    case 'binary':
      return apply(node.op, at(node.left), at(node.right), text);
    case 'name':
      return named(node.name, node.at, problem, scope, text);
    case 'call':
      return called(node.name, node.args, problem, scope, at, text, node.at);
  }
}

function apply(op: string, a: bigint, b: bigint, text: string): bigint {
  switch (op) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/':
      if (b === 0n) throw malformed(text, 'no division by 0', '0', 0);
      return a / b;
    case '^':
      if (b < 0n) throw malformed(text, 'exponents of at least 0', String(b), 0);
      return a ** b;
    case '<': return a < b ? 1n : 0n;
    case '<=': return a <= b ? 1n : 0n;
    case '>': return a > b ? 1n : 0n;
    case '>=': return a >= b ? 1n : 0n;
    case '==': return a === b ? 1n : 0n;
    default: return a === b ? 0n : 1n;
  } // prettier-ignore
}

function named(name: string, position: number, problem: Problem, scope: Scope, text: string): bigint {
  if (name in scope) return scope[name]!;
  const top = maxima(problem);
  switch (name) {
    case 'n': return BigInt(problem.n);
    case 'm': return BigInt(problem.sizes.length);
    case 't': return BigInt(problem.t);
    case 'star': return starValue(problem);
    case 'balls':
      return top.reduce((best, _, j) => larger(best, ballValue(problem, j, ballCentre(problem, j))), 0n);
    case 'mixed': return uniformMixed(problem).mixed;
    case 'last': return BigInt(Math.min(...top));
    case 'jmax': return BigInt(top.indexOf(Math.max(...top)) + 1);
    default: throw malformed(text, `"${name}" inside sum or layers`, 'outside', position);
  } // prettier-ignore
}

function called(
  name: string,
  args: readonly Node[],
  problem: Problem,
  scope: Scope,
  at: (part: Node, inner?: Scope) => bigint,
  text: string,
  position: number,
): bigint {
  const index = (value: bigint): number => {
    if (value < 1n || value > BigInt(problem.sizes.length))
      throw malformed(text, `a family in 1..${problem.sizes.length}`, String(value), position);
    return Number(value) - 1;
  };
  switch (name) {
    case 'k':
      return BigInt([...maxima(problem)].sort((a, b) => b - a)[index(at(args[0]!))]!);
    case 's':
      return BigInt(ballCentre(problem, index(at(args[0]!))));
    case 'ball':
      return ballValue(problem, index(at(args[0]!)), Number(at(args[1]!)));
    case 'binom':
      return binomial(Number(at(args[0]!)), Number(at(args[1]!)));
    case 'if':
      return at(args[0]!) !== 0n ? at(args[1]!) : at(args[2]!);
    case 'max':
      return args.map((arg) => at(arg)).reduce(larger);
    case 'min':
      return args.map((arg) => at(arg)).reduce((a, b) => (a < b ? a : b));
    case 'sum': {
      let total = 0n;
      const end = at(args[1]!);
      for (let i = at(args[0]!); i <= end; i++) total += at(args[2]!, { ...scope, i });
      return total;
    }
    default: {
      let total = 0n;
      for (const [family, list] of problem.sizes.entries())
        for (const size of list) total += at(args[0]!, { ...scope, size: BigInt(size), family: BigInt(family + 1) });
      return total;
    }
  }
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function malformed(text: string, expected: string, actual: string, at: number): Error {
  return familiesError('TF-FAMILIES-005', {
    subject: 'parseFormula',
    expected,
    actual,
    location: `column ${at + 1} of ${JSON.stringify(text)}`,
  });
}
