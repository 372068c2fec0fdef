/** Any Chrome trace in the timeline: a file of this machine, or one kept with a run (`/timeline?run=…&file=…`). */
import {
  Button,
  DiagnosticView,
  diagnosticFromError,
  EmptyState,
  Loading,
  timelineFromTraceColumns,
  TimelineView,
  useAddressState,
  type Timeline,
} from '@tenfold/ui';
import { formatBytes, type Diagnostic } from '@tenfold/core/base';
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { httpApi } from './http-api.ts';

interface Opened {
  readonly name: string;
  readonly byteLength: number;
  readonly timeline: Timeline;
  readonly diagnostics: readonly Diagnostic[];
}

type State =
  | { readonly kind: 'empty' }
  | { readonly kind: 'loading'; readonly name: string }
  | { readonly kind: 'open'; readonly trace: Opened }
  | { readonly kind: 'failed'; readonly diagnostic: Diagnostic };

export function TracePage() {
  const [runId] = useAddressState<string>('run', '');
  const [file] = useAddressState<string>('file', '');
  const [local, setLocal] = useState<State>({ kind: 'empty' });
  const kept = useQuery({
    queryKey: ['trace', runId, file],
    queryFn: async () => {
      const response = await fetch(httpApi.artifactUrl(runId, file));
      if (!response.ok) throw ((await response.json()) as { error: Diagnostic }).error;
      return openTrace(file, new Uint8Array(await response.arrayBuffer()));
    },
    enabled: runId !== '' && file !== '',
    staleTime: Infinity,
  });
  const state = local.kind === 'empty' && runId !== '' && file !== '' ? stateOfQuery(kept, file) : local;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => void (document.title = 'Timeline · Tenfold'), []);
  const load = async (name: string, read: () => Promise<ArrayBuffer>) => {
    setLocal({ kind: 'loading', name });
    try {
      setLocal({ kind: 'open', trace: await openTrace(name, new Uint8Array(await read())) });
    } catch (error) {
      setLocal({ kind: 'failed', diagnostic: diagnosticFromError(error, 'openTrace') });
    }
  };
  const openFile = (chosen: File | undefined) => {
    if (chosen) void load(chosen.name, () => chosen.arrayBuffer());
  };
  return (
    <div
      className="page tf-stack"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        openFile(event.dataTransfer.files[0]);
      }}
    >
      <header className="page-head trace-head">
        <h1>Timeline</h1>
        <Button icon="file" onClick={() => input.current?.click()}>
          Open a trace
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          aria-label="Trace file"
          accept=".json,.gz,.trace"
          onChange={(event) => openFile(event.target.files?.[0])}
        />
      </header>
      {state.kind === 'empty' && (
        <EmptyState title="No trace is open">
          Drop a Chrome trace here (<code>.json</code> or <code>.json.gz</code>): of Chrome, PyTorch’s profiler, or one
          that a verb kept with its run. It is read in this page and sent nowhere.
        </EmptyState>
      )}
      {state.kind === 'loading' && <Loading label={`Reading ${state.name}`} />}
      {state.kind === 'failed' && <DiagnosticView diagnostic={state.diagnostic} />}
      {state.kind === 'open' && (
        <>
          {state.trace.diagnostics.map((diagnostic, index) => (
            <DiagnosticView key={index} diagnostic={diagnostic} />
          ))}
          <TimelineView
            timeline={state.trace.timeline}
            caption={`${state.trace.name}, ${formatBytes(state.trace.byteLength)}`}
            maxHeightPx={Math.max(360, window.innerHeight - 330)}
          />
        </>
      )}
    </div>
  );
}

function stateOfQuery(query: UseQueryResult<Opened>, name: string): State {
  if (query.data) return { kind: 'open', trace: query.data };
  if (query.error) return { kind: 'failed', diagnostic: diagnosticFromError(query.error, 'openTrace') };
  return { kind: 'loading', name };
}

async function openTrace(name: string, bytes: Uint8Array): Promise<Opened> {
  const { readChromeTrace } = await import('@tenfold/core/schedule');
  const { trace, diagnostics } = await readChromeTrace(bytes);
  return { name, byteLength: bytes.byteLength, timeline: timelineFromTraceColumns(trace), diagnostics };
}
