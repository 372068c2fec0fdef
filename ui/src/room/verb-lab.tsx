/** The usual view of a room's page: fields and a button beside the run that they started. */
import type { ReactNode } from 'react';
import { BlockView } from '../blocks/block-view.tsx';
import type { RoomPageProps } from '../room-page.ts';
import type { RunDetail } from '../studio/api.ts';
import { useVerbRun } from '../studio/use-run.ts';
import { Stack, WithControls } from '../widgets/layout.tsx';
import { RunPicker, RunResult, SampleRunButton } from './run-pieces.tsx';

type Blocks = NonNullable<RunDetail['report']>['blocks'];

/** @param action   what the button says
 *  @param earlier  label of the list of earlier runs; without it there is none
 *  @param empty    shown before the first run: say what will appear and what to press
 *  @param instead  shown before the first run in place of `empty`, such as what the tour found
 *  @param fields   the params' fields, above the button
 *  @param children draws the finished run; default is its verdict and all its blocks */
export function VerbLab<Value = unknown>({
  page,
  verb,
  addressKey,
  params,
  action,
  earlier,
  empty,
  instead,
  fields,
  children = (detail) => <VerdictAndBlocks run={detail} />,
}: {
  readonly page: RoomPageProps;
  readonly verb: string;
  /** Where the address keeps the run that is shown. */
  readonly addressKey: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly action: string;
  readonly earlier?: string;
  readonly empty: ReactNode;
  readonly instead?: ReactNode;
  readonly fields: ReactNode;
  readonly children?: (run: RunDetail<Value>) => ReactNode;
}) {
  const run = useVerbRun<Value>(page, verb, { addressKey });
  return (
    <WithControls
      controls={
        <>
          {fields}
          <SampleRunButton run={run} params={params}>
            {action}
          </SampleRunButton>
          {earlier !== undefined && <RunPicker page={page} verb={verb} run={run} label={earlier} />}
        </>
      }
    >
      <RunResult page={page} run={run} empty={empty} instead={instead}>
        {children}
      </RunResult>
    </WithControls>
  );
}

/** What a finished run says, then its blocks. */
export function VerdictAndBlocks({ run }: { readonly run: RunDetail }) {
  return (
    <Stack>
      <p>{run.report!.verdict.text}</p>
      <BlockList blocks={run.report!.blocks} />
    </Stack>
  );
}

/** Blocks of a report, or some of them, in order. */
export function BlockList({ blocks }: { readonly blocks: Blocks }) {
  return blocks.map((block, index) => <BlockView key={index} block={block} />);
}
