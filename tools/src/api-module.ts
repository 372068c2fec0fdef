/** One source file, parsed: what it declares, imports and exports, with the docstrings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync, type Comment, type ModuleExportName, type Statement } from 'oxc-parser';
import { kindOf, signatureOf, type ApiKind, type ApiNode, type SignatureSource } from './api-signature.ts';

/** A name in another file or package; without a module, a name in the same file. */
export interface NameIn {
  readonly module: string | undefined;
  readonly name: string;
}

export interface Declared {
  readonly kind: ApiKind;
  /** One text an overload. */
  readonly signatures: readonly string[];
  /** The comment right before it, without the slashes. */
  readonly docstring: string | undefined;
}

export interface SourceModule {
  /** The comment that the file begins with, where it is not the docstring of what follows. */
  readonly header: string | undefined;
  /** A name may stand for a value and a type. */
  readonly declared: ReadonlyMap<string, readonly Declared[]>;
  readonly imported: ReadonlyMap<string, NameIn>;
  readonly exported: ReadonlyMap<string, NameIn>;
  /** Modules of `export *`. */
  readonly stars: readonly string[];
}

/** Throws on a syntax error, with file and message. */
export function readModule(root: string, file: string): SourceModule {
  const text = readFileSync(join(root, file), 'utf8');
  const { program, comments, errors } = parseSync(file, text);
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0]!.message}`);
  const docstrings = comments.filter((comment) => comment.type === 'Block' && comment.value.startsWith('*'));
  const source: SignatureSource = { text, findDocstring: (start) => docstringBefore(text, docstrings, start) };
  const declared = new Map<string, Declared[]>();
  const imported = new Map<string, NameIn>();
  const exported = new Map<string, NameIn>();
  const stars: string[] = [];
  for (const statement of program.body) {
    if (statement.type === 'ImportDeclaration') {
      for (const part of statement.specifiers)
        if (part.type === 'ImportSpecifier')
          imported.set(part.local.name, { module: statement.source.value, name: nameOf(part.imported) });
    } else if (statement.type === 'ExportAllDeclaration' && !statement.exported) stars.push(statement.source.value);
    else if (statement.type === 'ExportNamedDeclaration') {
      for (const part of statement.specifiers)
        exported.set(nameOf(part.exported), { module: statement.source?.value, name: nameOf(part.local) });
    }
    for (const [name, node] of declarationsOf(statement)) {
      if (statement.type === 'ExportNamedDeclaration') exported.set(name, { module: undefined, name });
      const doc = source.findDocstring(statement.start);
      addDeclared(declared, name, node, { signature: signatureOf(source, node), docstring: doc?.value });
    }
  }
  return { header: headerOf(text, docstrings, program.body[0]), declared, imported, exported, stars };
}

/** Overloads become one entry; the implementation behind them is not for callers. */
function addDeclared(
  declared: Map<string, Declared[]>,
  name: string,
  node: ApiNode,
  { signature, docstring }: { signature: string; docstring: string | undefined },
): void {
  const kind = kindOf(node);
  const entries = declared.get(name) ?? [];
  const earlier = entries.find((entry) => entry.kind === kind);
  if (earlier === undefined) {
    declared.set(name, [...entries, { kind, signatures: [signature], docstring }]);
    return;
  }
  const isImplementation = node.node.type === 'FunctionDeclaration';
  const whole: Declared = {
    kind,
    signatures: isImplementation ? earlier.signatures : [...earlier.signatures, signature],
    docstring: earlier.docstring ?? docstring,
  };
  declared.set(
    name,
    entries.map((entry) => (entry === earlier ? whole : entry)),
  );
}

function declarationsOf(statement: Statement): [string, ApiNode][] {
  const node = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
  switch (node?.type) {
    case 'VariableDeclaration':
      return node.declarations.flatMap((declarator): [string, ApiNode][] =>
        declarator.id.type === 'Identifier' ? [[declarator.id.name, { keyword: node.kind, node: declarator }]] : [],
      );
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
    case 'ClassDeclaration':
      return node.id ? [[node.id.name, { node }]] : [];
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return [[node.id.name, { node }]];
    default:
      return [];
  }
}

function nameOf(node: ModuleExportName): string {
  return node.type === 'Literal' ? node.value : node.name;
}

/** The last docstring that ends before `start` with nothing but white space between, and no blank line. */
function docstringBefore(text: string, docstrings: readonly Comment[], start: number): Comment | undefined {
  const last = docstrings.findLast((comment) => comment.end <= start);
  return last && /^[^\S\n]*\n?[^\S\n]*$/.test(text.slice(last.end, start)) ? last : undefined;
}

function headerOf(text: string, docstrings: readonly Comment[], first: Statement | undefined): string | undefined {
  const comment = docstrings[0];
  if (!comment || text.slice(0, comment.start).trim() !== '') return undefined;
  const isDocstring =
    first !== undefined &&
    docstringBefore(text, [comment], first.start) === comment &&
    declarationsOf(first).length > 0;
  return isDocstring ? undefined : comment.value;
}
