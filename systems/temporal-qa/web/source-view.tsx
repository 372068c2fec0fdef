/** The place in the source where a piece of evidence stands, with its neighbours. */
import { RunResult, useVerbRun, type RoomPageProps } from '@tenfold/ui';
import { useEffect } from 'react';
import type { SourceView as SourceRows } from '../src/types.ts';

export function SourceView({
  page,
  id,
  db,
}: {
  readonly page: RoomPageProps;
  readonly id: number;
  readonly db: string;
}) {
  const run = useVerbRun<SourceRows>(page, 'source', { addressKey: 'source', showLatest: false });
  const { start } = run;
  useEffect(() => void start({ id, db }), [id, db, start]);
  return (
    <div className="temporal-source">
      <RunResult page={page} run={run} empty="Reading the source.">
        {({ result }) => (
          <>
            <p className="temporal-note">
              {result!.doc}
              {result!.docTime && <> · written {result!.docTime}</>}
            </p>
            <ol>
              {result!.rows.map((row) => (
                <li
                  key={row.id}
                  className={row.isCited ? 'is-cited' : undefined}
                  aria-current={row.isCited || undefined}
                >
                  <span className="temporal-place">{row.locator}</span> {row.text}
                </li>
              ))}
            </ol>
          </>
        )}
      </RunResult>
    </div>
  );
}
