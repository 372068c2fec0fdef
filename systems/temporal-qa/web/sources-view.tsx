/** Files into an evidence file: what was read, and every problem with its place. */
import {
  Button,
  RunResult,
  showToast,
  Stack,
  TextField,
  useAddressState,
  useVerbRun,
  WithControls,
  type RoomPageProps,
} from '@tenfold/ui';
import { useState, type ChangeEvent, type FormEvent } from 'react';
import type { IngestResult } from '../src/types.ts';

/** The verb hands so many problems to the frame, which shows them above the result. */
const SHOWN_BY_FRAME = 20;

export function SourcesView({ page, onAsk }: { readonly page: RoomPageProps; readonly onAsk: (db: string) => void }) {
  const [path, setPath] = useAddressState<string>('path', '');
  const [db, setDb] = useAddressState<string>('into', 'evidence.sqlite');
  const [snapshot, setSnapshot] = useState('');
  const run = useVerbRun<IngestResult & { readonly file: string }>(page, 'ingest', { addressKey: 'ingest' });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run.start({ path, db, snapshot });
  };
  const upload = async (event: ChangeEvent<HTMLInputElement>) => {
    try {
      const paths = [];
      for (const file of event.target.files ?? []) paths.push((await page.api.uploadFile(file)).path);
      setPath(paths.join(','));
    } catch (error) {
      showToast({ tone: 'bad', text: error instanceof Error ? error.message : 'The upload failed.' });
    }
  };
  return (
    <WithControls
      controls={
        <form className="temporal-controls" onSubmit={submit}>
          <label className="temporal-upload">
            <span>Choose files</span>
            <input
              type="file"
              multiple
              accept=".csv,.tsv,.json,.jsonl,.nt,.md,.txt,.html,.htm,.wiki"
              onChange={(event) => void upload(event)}
            />
          </label>
          <TextField
            label="or paths on this machine"
            value={path}
            onChange={setPath}
            help="Comma separated: CSV, TSV, JSON, JSONL, N-Triples, Markdown, HTML, wikitext, text; folders too."
          />
          <TextField
            label="Evidence file"
            value={db}
            onChange={setDb}
            help="A SQLite file, or a postgres:// address."
          />
          <TextField
            label="Hold as of"
            value={snapshot}
            placeholder="2024-12-31"
            onChange={setSnapshot}
            help="What “now” means to these sources."
          />
          <Button variant="primary" type="submit" busy={run.isActive} disabled={path.trim() === ''}>
            Read into the evidence file
          </Button>
        </form>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty={
          <>
            Choose files of your own. A table with the columns subject, relation, object, start and end holds facts; any
            other table and every page is read as it is.
          </>
        }
      >
        {(done) => (
          <Stack>
            <section className="temporal-result">
              <p className="temporal-answer">
                {done.result!.numNew} new of {done.result!.numEvidence} read
              </p>
              <p className="temporal-note">
                <span>{counted(done.result!.numFiles, 'file')}</span>
                <span>{counted(done.result!.numEntities, 'name')}</span>
                <span>{counted(done.result!.problems.length + done.result!.numMoreProblems, 'problem')}</span>
                {done.result!.numImpossibleDates > 0 && (
                  <span>{counted(done.result!.numImpossibleDates, 'date')} that the calendar does not have</span>
                )}
              </p>
              <Button onClick={() => onAsk(done.result!.file)}>Ask {done.result!.file}</Button>
            </section>
            {done.result!.problems.length > SHOWN_BY_FRAME && (
              <ol className="temporal-problems" aria-label="Further problems">
                {done.result!.problems.slice(SHOWN_BY_FRAME).map((problem, index) => (
                  <li key={index}>
                    <code>{problem.location?.replace(/^.*\//, '')}</code>
                    <span>
                      expected {problem.expected}
                      {problem.actual && <>, got {problem.actual}</>}
                    </span>
                  </li>
                ))}
              </ol>
            )}
          </Stack>
        )}
      </RunResult>
    </WithControls>
  );
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
