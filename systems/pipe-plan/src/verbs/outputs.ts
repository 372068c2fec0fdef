/** One text that a verb makes: a file where the user named one, else an artifact of the run. */
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';

export interface OutputParams {
  readonly out?: string | undefined;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export interface OutputText {
  readonly subject: string;
  readonly name: string;
  readonly mediaType: string;
  readonly text: string;
}

export function outputText(
  { subject, name, mediaType, text }: OutputText,
  { out, force, dryRun }: OutputParams,
  context: VerbContext,
): Pick<VerbResult, 'artifacts'> & { readonly where: string } {
  if (out === undefined)
    return { artifacts: [{ name, mediaType, bytes: new TextEncoder().encode(text) }], where: name };
  const [file] = writeOutputFiles([{ path: out, bytes: text }], { subject, context, dryRun, force });
  return { where: `${dryRun ? 'would write ' : ''}${file!.path}` };
}
