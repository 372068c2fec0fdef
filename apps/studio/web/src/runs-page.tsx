/** All runs: search, filter by room and status, drawn only where in sight. Filters stand in the address. */
import {
  DiagnosticView,
  diagnosticFromError,
  EmptyState,
  LinkButton,
  Loading,
  SelectField,
  TextField,
  useAddressState,
  type RunStatus,
  type RunSummary,
} from '@tenfold/ui';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useDeferredValue, useEffect, useRef } from 'react';
import { RunRow } from './run-rows.tsx';
import { useRooms, useRuns } from './use-studio-data.ts';

const STATUSES: readonly RunStatus[] = ['queued', 'running', 'done', 'problems', 'failed', 'cancelled', 'interrupted'];
const ROW_PX = 49;
const MAX_RUNS = 5000;

export function RunsPage() {
  useEffect(() => void (document.title = 'Runs · Tenfold'), []);
  return (
    <div className="page">
      <header className="page-head">
        <h1>Runs</h1>
      </header>
      <RunList />
    </div>
  );
}

/** @param room  fixed room; left out, it can be chosen */
export function RunList({ room: fixedRoom }: { readonly room?: string }) {
  const rooms = useRooms().data ?? [];
  const [text, setText] = useAddressState<string>('q', '');
  const [room, setRoom] = useAddressState<string>('room', '');
  const [status, setStatus] = useAddressState<string>('status', '');
  const wantedText = useDeferredValue(text);
  const system = fixedRoom ?? room;
  const runs = useRuns({
    limit: MAX_RUNS,
    ...(system ? { system } : {}),
    ...(status ? { status: status as RunStatus } : {}),
    ...(wantedText ? { text: wantedText } : {}),
  });
  const isFiltered = Boolean(text || status || (!fixedRoom && room));
  return (
    <div className="tf-stack">
      <div className="run-filters" role="search">
        <TextField
          label="Search"
          type="search"
          placeholder="room, verb, params or id"
          value={text}
          onChange={setText}
        />
        {!fixedRoom && (
          <SelectField
            label="Room"
            value={room}
            onChange={setRoom}
            options={[
              { value: '', label: 'All rooms' },
              ...rooms.map((entry) => ({ value: entry.id, label: entry.title })),
            ]}
          />
        )}
        <SelectField
          label="Status"
          value={status}
          onChange={setStatus}
          options={[{ value: '', label: 'Any status' }, ...STATUSES.map((value) => ({ value, label: value }))]}
        />
      </div>
      {runs.error && <DiagnosticView diagnostic={diagnosticFromError(runs.error, 'listRuns')} />}
      {runs.isPending && <Loading label="Loading runs" />}
      {runs.data?.length === 0 && !isFiltered && (
        <EmptyState
          title="No runs yet"
          action={
            <LinkButton href={fixedRoom ? `/rooms/${fixedRoom}/verbs` : '/'}>
              {fixedRoom ? 'Choose a verb' : 'Choose a room'}
            </LinkButton>
          }
        >
          Every verb that you start here or in a terminal is kept with its params, seed and result.
        </EmptyState>
      )}
      {runs.data?.length === 0 && isFiltered && (
        <EmptyState title="No run matches">Change the words of the search or choose another status.</EmptyState>
      )}
      {runs.data && runs.data.length > 0 && (
        <>
          <p className="tf-field-note" role="status">
            {runs.data.length.toLocaleString('en-US')} {runs.data.length === 1 ? 'run' : 'runs'}
          </p>
          <VirtualRuns runs={runs.data} />
        </>
      )}
    </div>
  );
}

function VirtualRuns({ runs }: { readonly runs: readonly RunSummary[] }) {
  const list = useRef<HTMLUListElement>(null);
  // oxlint-disable-next-line react/incompatible-library -- its functions are called in this render only
  const virtualizer = useWindowVirtualizer({
    count: runs.length,
    estimateSize: () => ROW_PX,
    overscan: 10,
    scrollMargin: list.current?.offsetTop ?? 0,
    getItemKey: (index) => runs[index]!.id,
  });
  return (
    <ul className="run-rows is-virtual" ref={list} style={{ height: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map((item) => (
        <li
          key={item.key}
          data-index={item.index}
          ref={virtualizer.measureElement}
          style={{ transform: `translateY(${item.start - virtualizer.options.scrollMargin}px)` }}
        >
          <RunRow run={runs[item.index]!} />
        </li>
      ))}
    </ul>
  );
}
