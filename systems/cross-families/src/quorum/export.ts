/** Exports: quoracle text, JSON, TLA+ constants, ZooKeeper groups, LaTeX and CSV tables. */
import { familiesError } from '../families-errors.ts';
import { formatExpression, minimalQuorums } from './expression.ts';
import { givenNode } from './nodes.ts';
import { formatRational } from './rational.ts';
import type { Strategy } from './strategy.ts';
import type { QuorumExpr, QuorumSystem } from './types.ts';

export type ExportFormat = 'json' | 'quoracle' | 'tla' | 'zookeeper' | 'latex' | 'csv';

/** Quorums listed in set-of-sets formats. */
const MAX_LISTED = 5000;

/** Text of a system in a format. @throws TF-FAMILIES-015 where the format cannot hold it, with the reason */
export function exportSystem(system: QuorumSystem, format: ExportFormat, strategy?: Strategy): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(systemJson(system), undefined, 2)}\n`;
    case 'quoracle':
      return quoracleText(system);
    case 'tla':
      return tlaText(system);
    case 'zookeeper':
      return zookeeperText(system);
    case 'latex':
      return strategyTable(system, strategy, {
        row: (cells) => `${cells.map(latexText).join(' & ')} \\\\`,
        head: latexHead,
        tail: '\\end{tabular}\n',
      });
    case 'csv':
      return strategyTable(system, strategy, {
        row: (cells) => cells.map(csvCell).join(','),
        head: 'operation,quorum,probability',
        tail: '',
      });
  }
}

function systemJson(system: QuorumSystem): unknown {
  return {
    nodes: system.nodes.map(givenNode),
    reads: formatExpression(system.reads),
    writes: formatExpression(system.writes),
    readQuorums: listed(system, system.reads),
    writeQuorums: listed(system, system.writes),
  };
}

function listed(system: QuorumSystem, expr: QuorumExpr): string[][] {
  const ids = system.nodes.map((node) => node.id);
  return minimalQuorums(expr, ids, MAX_LISTED).map((set) => set.map((index) => ids[index]!));
}

/** A Python program for the quoracle library. */
function quoracleText(system: QuorumSystem): string {
  const name = pythonNames(system.nodes.map((node) => node.id));
  const text = (expr: QuorumExpr): string => {
    if (expr.kind === 'node') return name.get(expr.node)!;
    const parts = expr.of.map(text);
    if (expr.k === 1) return `(${parts.join(' + ')})`;
    if (expr.k === parts.length) return `(${parts.join(' * ')})`;
    return `choose(${expr.k}, [${parts.join(', ')}])`;
  };
  const lines = system.nodes.map(
    (node) =>
      `${name.get(node.id)} = Node(${JSON.stringify(node.id)}, read_capacity=${node.readCapacity}, write_capacity=${node.writeCapacity}${node.isLatencyAssumed ? '' : `, latency=datetime.timedelta(milliseconds=${node.latencyMs})`})`,
  );
  return `import datetime\nfrom quoracle import *\n\n${lines.join('\n')}\n\nsystem = QuorumSystem(reads=${text(system.reads)}, writes=${text(system.writes)})\n`;
}

/** A variable a node: its id where that is a free name, else n and its place. */
function pythonNames(ids: readonly string[]): ReadonlyMap<string, string> {
  const isFree = (id: string): boolean => /^[A-Za-z_]\w*$/.test(id) && !/^n\d+$/.test(id) && !PYTHON_NAMES.has(id);
  return new Map(ids.map((id, index) => [id, isFree(id) ? id : `n${index}`]));
}

/** Keywords, and names that the program uses itself. */
const PYTHON_NAMES: ReadonlySet<string> = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global ' +
    'if import in is lambda nonlocal not or pass raise return try while with yield ' +
    'Node QuorumSystem choose majority datetime system'
  ).split(' '),
);

/** Constants as sets of sets of strings, and the assumption that all pairs meet. */
function tlaText(system: QuorumSystem): string {
  const sets = (expr: QuorumExpr): string =>
    `{ ${listed(system, expr)
      .map((set) => `{${set.map((id) => JSON.stringify(id)).join(', ')}}`)
      .join(',\n    ')} }`;
  return [
    '---- MODULE Quorums ----',
    `Acceptor == {${system.nodes.map((node) => JSON.stringify(node.id)).join(', ')}}`,
    `Quorum1 ==\n  ${sets(system.reads)}`,
    `Quorum2 ==\n  ${sets(system.writes)}`,
    'ASSUME \\A Q1 \\in Quorum1 : \\A Q2 \\in Quorum2 : Q1 \\cap Q2 # {}',
    '====',
    '',
  ].join('\n');
}

/** group.N / weight.N lines; ZooKeeper has one kind of quorum: a majority of groups, a weighted majority inside each. */
function zookeeperText(system: QuorumSystem): string {
  const refuse = (reason: string): never => {
    throw familiesError('TF-FAMILIES-015', {
      subject: 'exportSystem',
      expected: 'a majority of groups with a weighted majority inside each, the same for reads and writes',
      actual: reason,
    });
  };
  const ids = system.nodes.map((node) => node.id);
  const key = (expr: QuorumExpr): string => JSON.stringify(minimalQuorums(expr, ids, MAX_LISTED));
  if (key(system.reads) !== key(system.writes)) refuse('different read and write quorums');
  const expr = system.reads;
  const isMajority = (part: QuorumExpr): boolean =>
    part.kind === 'node' || part.k === Math.floor(part.of.length / 2) + 1;
  if (!isMajority(expr)) refuse(formatExpression(expr));
  const groups = expr.kind === 'node' || expr.of.every((part) => part.kind === 'node') ? [expr] : expr.of;
  const number = new Map(ids.map((id, index) => [id, index + 1]));
  const lines: string[] = [];
  // A node that stands several times in its group has that weight.
  const weight = new Map<string, number>();
  for (const [g, group] of groups.entries()) {
    if (!isMajority(group)) refuse(`the group ${formatExpression(group)}`);
    const inside = (group.kind === 'node' ? [group] : group.of).map((part) =>
      part.kind === 'node' ? part.node : refuse('more than two levels'),
    );
    const members = [...new Set(inside)];
    const shared = members.find((id) => weight.has(id));
    if (shared !== undefined) refuse(`"${shared}" in more than one group`);
    for (const id of members) weight.set(id, inside.filter((other) => other === id).length);
    lines.push(`group.${g + 1}=${members.map((id) => number.get(id)).join(':')}`);
  }
  const members = ids.filter((id) => weight.has(id));
  for (const id of members) lines.push(`weight.${number.get(id)}=${weight.get(id)}`);
  return `${members.map((id) => `# server.${number.get(id)} is ${id}`).join('\n')}\n${lines.join('\n')}\n`;
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function latexText(text: string): string {
  return text.replaceAll(/[\\{}~^]|[&%$#_]/g, (character) =>
    '&%$#_{}'.includes(character) ? `\\${character}` : `\\char${character.charCodeAt(0)} `,
  );
}

const latexHead = '\\begin{tabular}{lll}\noperation & quorum & probability \\\\ \\hline';

function strategyTable(
  system: QuorumSystem,
  strategy: Strategy | undefined,
  {
    row,
    head,
    tail,
  }: { readonly row: (cells: readonly string[]) => string; readonly head: string; readonly tail: string },
): string {
  const rows = strategy
    ? [
        ...strategy.reads.map(({ members, probability }) => ['read', members.join(' '), formatRational(probability)]),
        ...strategy.writes.map(({ members, probability }) => ['write', members.join(' '), formatRational(probability)]),
      ]
    : [
        ...listed(system, system.reads).map((set) => ['read', set.join(' '), '']),
        ...listed(system, system.writes).map((set) => ['write', set.join(' '), '']),
      ];
  return `${head}\n${rows.map(row).join('\n')}\n${tail}`;
}
