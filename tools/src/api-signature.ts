/** The signature of a declaration: its own text, types as written, without bodies and long values. */
import type {
  Class,
  ClassElement,
  Comment,
  Expression,
  Function,
  TSInterfaceDeclaration,
  TSTypeAliasDeclaration,
  VariableDeclarator,
} from 'oxc-parser';

export type ApiKind = 'function' | 'class' | 'interface' | 'type' | 'const';

export interface SignatureSource {
  readonly text: string;
  /** The docstring that stands right before this position, or undefined. */
  readonly findDocstring: (start: number) => Comment | undefined;
}

/** A value longer than this is left out. */
const MAX_VALUE_LENGTH = 100;

/** One declared name. */
export type ApiNode =
  | { readonly node: VariableDeclarator; readonly keyword: string }
  | { readonly node: Function | Class | TSInterfaceDeclaration | TSTypeAliasDeclaration };

export function kindOf({ node }: ApiNode): ApiKind {
  if (node.type === 'VariableDeclarator') return 'const';
  if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') return 'class';
  if (node.type === 'TSInterfaceDeclaration') return 'interface';
  return node.type === 'TSTypeAliasDeclaration' ? 'type' : 'function';
}

export function signatureOf(source: SignatureSource, declared: ApiNode): string {
  if ('keyword' in declared) return `${declared.keyword} ${constSignature(source.text, declared.node)}`;
  const { node } = declared;
  if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') return classSignature(source, node);
  const isType = node.type === 'TSInterfaceDeclaration' || node.type === 'TSTypeAliasDeclaration';
  return withoutSemicolon(source.text.slice(node.start, isType ? node.end : (node.body?.start ?? node.end)));
}

function constSignature(text: string, { id, init }: VariableDeclarator): string {
  const name = text.slice(id.start, id.end);
  if (!init || ('typeAnnotation' in id && id.typeAnnotation && init.type !== 'Literal')) return name;
  return `${name} = ${shortValue(text, init)}`;
}

function shortValue(text: string, value: Expression): string {
  const whole = text.slice(value.start, value.end);
  if (value.type === 'ArrowFunctionExpression') return `${text.slice(value.start, value.body.start).trim()} …`;
  if (whole.length <= MAX_VALUE_LENGTH && !whole.includes('\n')) return whole;
  if (value.type === 'ArrayExpression') return '[…]';
  if (value.type === 'ObjectExpression') return '{ … }';
  if (value.type === 'CallExpression') return `${shortValue(text, value.callee as Expression)}(…)`;
  if (value.type === 'NewExpression') return `new ${shortValue(text, value.callee as Expression)}(…)`;
  if (value.type === 'TSAsExpression' || value.type === 'TSSatisfiesExpression')
    return shortValue(text, value.expression) + text.slice(value.expression.end, value.end);
  return '…';
}

function classSignature(source: SignatureSource, node: Class): string {
  const lines = [`${source.text.slice(node.start, node.body.start).trim()} {`];
  for (const member of node.body.body) {
    const signature = memberSignature(source.text, member);
    if (signature === undefined) continue;
    const doc = source.findDocstring(member.start);
    if (doc) lines.push(`  ${source.text.slice(doc.start, doc.end)}`);
    lines.push(`  ${signature};`);
  }
  return lines.length === 1 ? `${lines[0]}}` : [...lines, '}'].join('\n');
}

/** undefined for what a caller cannot reach. */
function memberSignature(text: string, member: ClassElement): string | undefined {
  if (member.type === 'StaticBlock' || member.type === 'TSIndexSignature') return undefined;
  if (member.key.type === 'PrivateIdentifier') return undefined;
  if (member.accessibility === 'private' || member.accessibility === 'protected') return undefined;
  const { value } = member;
  if (member.type === 'MethodDefinition' || member.type === 'TSAbstractMethodDefinition') {
    const end = value && 'body' in value && value.body ? value.body.start : member.end;
    return withoutSemicolon(text.slice(member.start, end));
  }
  if (!value) return withoutSemicolon(text.slice(member.start, member.end));
  const typed = 'typeAnnotation' in member ? member.typeAnnotation : undefined;
  if (typed) return text.slice(member.start, typed.end);
  return `${text.slice(member.start, member.key.end)} = ${shortValue(text, value)}`;
}

function withoutSemicolon(text: string): string {
  return text.trim().replace(/;$/, '');
}
