/** `tenfold schema <room> <verb>`: the JSON schema of a verb's params, for editors and other programs. */
import { jsonSchemaOf, verbOf, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { loadRoom } from './room-entry.ts';

interface SchemaParams {
  readonly room: string;
  readonly verb: readonly string[];
}

export async function runSchema({ room, verb }: SchemaParams, _context: VerbContext): Promise<VerbResult> {
  const manifest = await loadRoom(room, 'schema');
  const found = verbOf(manifest, verb.join(' '));
  const schema = jsonSchemaOf(found);
  return {
    ok: true,
    value: schema,
    report: {
      title: `Params of ${manifest.id} ${found.name}`,
      verdict: { tone: 'neutral', text: `${Object.keys((schema['properties'] ?? {}) as object).length} params.` },
      blocks: [{ kind: 'code', language: 'json', text: JSON.stringify(schema, null, 2) }],
    },
  };
}
