/** dependency-cruiser reads sources through @swc/core's visitor, which does not know `using x = …` yet (seen with
 *  @swc/core 1.16.22: "Unknown statement type: UsingDeclaration"). A using declaration is a variable declaration to it. */
import { Visitor } from '@swc/core/Visitor.js';

interface Statement {
  readonly type: string;
  readonly decls?: readonly unknown[];
}

interface LooseVisitor {
  visitStatement(statement: Statement): Statement;
  visitVariableDeclarators(declarators: readonly unknown[]): readonly unknown[];
}

/** Call once before `cruise`; further calls do nothing.  Mutates: the prototype of swc's Visitor. */
export function teachUsingDeclarations(): void {
  const prototype = Visitor.prototype as unknown as LooseVisitor & { knowsUsing?: boolean };
  if (prototype.knowsUsing) return;
  const visitStatement = prototype.visitStatement;
  prototype.visitStatement = function (this: LooseVisitor, statement: Statement): Statement {
    if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
    this.visitVariableDeclarators(statement.decls ?? []);
    return statement;
  };
  prototype.knowsUsing = true;
}
