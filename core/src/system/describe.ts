/** A manifest as plain JSON, for pages, forms and other programs. */
import { jsonSchemaOf, paramFieldsOf, type JsonSchema, type ParamField } from './param-fields.ts';
import type { SystemManifest } from './types.ts';

export interface VerbDescription {
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly writesFiles: boolean;
  /** JSON schema (draft 2020-12) of the params as a caller writes them. */
  readonly paramsSchema: JsonSchema;
  readonly fields: readonly ParamField[];
}

export interface SystemDescription {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly paper: { readonly title: string; readonly arxiv: string };
  readonly tour: string;
  readonly page: { readonly summary: string } | null;
  readonly verbs: readonly VerbDescription[];
}

/** Describes a room without loading its algorithms. */
export function describeSystem(manifest: SystemManifest): SystemDescription {
  return {
    id: manifest.id,
    title: manifest.title,
    question: manifest.question,
    paper: { title: manifest.paper.title, arxiv: manifest.paper.arxiv },
    tour: manifest.tour,
    page: manifest.page ?? null,
    verbs: manifest.verbs.map((verb) => ({
      name: verb.name,
      summary: verb.summary,
      examples: verb.examples,
      writesFiles: verb.writesFiles ?? false,
      paramsSchema: jsonSchemaOf(verb),
      fields: paramFieldsOf(verb),
    })),
  };
}
