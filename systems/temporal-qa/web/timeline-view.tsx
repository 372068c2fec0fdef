/** Everything dated about one name on an axis, or what changed between two days. */
import {
  Button,
  DataTable,
  RunResult,
  Stack,
  TextField,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import type { FormEvent } from 'react';
import type { Timeline } from '../src/types.ts';
import { TimeBar } from './time-bar.tsx';

const MAX_BARS = 40;
const CHANGE_TONES = { '': 'plain', ended: 'removed', began: 'certain', same: 'possible' } as const;

export function TimelineView({ page }: { readonly page: RoomPageProps }) {
  const [name, setName] = useAddressState<string>('name', 'France');
  const [from, setFrom] = useAddressState<string>('from', '');
  const [to, setTo] = useAddressState<string>('to', '');
  const [db, setDb] = useAddressState<string>('db', '');
  const run = useVerbRun<Timeline>(page, 'timeline', { addressKey: 'timeline' });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run.start({ name, from, to, db });
  };
  return (
    <WithControls
      controls={
        <form className="temporal-controls" onSubmit={submit}>
          <TextField label="Name" value={name} onChange={setName} help="As the sources write it." />
          <TextField label="Compare from" value={from} placeholder="1980-01-01" onChange={setFrom} />
          <TextField
            label="to"
            value={to}
            placeholder="1990-01-01"
            onChange={setTo}
            help="With both days: what ended, began and stayed."
          />
          <TextField label="Evidence" value={db} placeholder="the shipped corpus" onChange={setDb} />
          <Button variant="primary" type="submit" busy={run.isActive}>
            Show
          </Button>
        </form>
      }
    >
      <RunResult page={page} run={run} empty="Press Show to see everything dated about the name.">
        {(done) => {
          const { name: shown, rows, undated } = done.result!;
          return (
            <Stack>
              <section className="temporal-result">
                <h2>{shown}</h2>
                <p className="temporal-note">
                  <span>{rows.length} dated</span>
                  <span>{undated} undated</span>
                  {rows.length > 0 && (
                    <a className="temporal-link" href={page.api.artifactUrl(done.id, 'timeline.ics')} download>
                      Calendar file
                    </a>
                  )}
                </p>
                <TimeBar
                  label={`Timeline of ${shown}`}
                  rows={rows.slice(0, MAX_BARS).map((row) => ({
                    id: String(row.id),
                    label: row.evidence
                      .replace(/^[^,]*, /, '')
                      .replace(/, (?:start time|end time|point in time),.*$/, ''),
                    spans: [row.span],
                    tone: CHANGE_TONES[row.change],
                    note: row.change,
                  }))}
                />
              </section>
              <DataTable
                columns={[
                  ...(rows.some((row) => row.change !== '') ? [{ key: 'change', label: 'change' }] : []),
                  { key: 'time', label: 'time' },
                  { key: 'evidence', label: 'evidence' },
                  { key: 'source', label: 'source' },
                ]}
                rows={rows.map(({ change, time, evidence, source }) => ({ change, time, evidence, source }))}
              />
            </Stack>
          );
        }}
      </RunResult>
    </WithControls>
  );
}
