/** Home: the ten rooms as cards, and what ran last. */
import {
  Badge,
  DiagnosticView,
  diagnosticFromError,
  EmptyState,
  Loading,
  StatusBadge,
  type RoomDescription,
  type RunSummary,
} from '@tenfold/ui';
import { useEffect } from 'react';
import { Link } from 'wouter';
import { FoldMark } from './fold-mark.tsx';
import { RunRows } from './run-rows.tsx';
import { useRooms, useRuns } from './use-studio-data.ts';

const NUM_LAST_RUNS = 6;

export function HomePage() {
  const rooms = useRooms();
  const runs = useRuns();
  useEffect(() => void (document.title = 'Tenfold'), []);
  return (
    <div className="page">
      <header className="home-head">
        <h1>Ten published methods, on your own data.</h1>
        <p>
          For people who train, check, compress, serve and judge machine-learning models. Each room answers one
          question: open yours, and start its tour to see it work on real input.
        </p>
      </header>
      {rooms.error && <DiagnosticView diagnostic={diagnosticFromError(rooms.error, 'listRooms')} />}
      {rooms.isPending && <Loading label="Loading the rooms" />}
      {rooms.data && (
        <ul className="room-grid" aria-label="Rooms">
          {rooms.data.map((room, index) => (
            <RoomCard
              key={room.id}
              room={room}
              fold={index % 10}
              lastRun={runs.data?.find((run) => run.system === room.id)}
              lastAnswer={runs.data?.find((run) => run.system === room.id && run.status === 'done' && run.verdict)}
            />
          ))}
        </ul>
      )}
      <section className="home-runs" aria-labelledby="last-runs">
        <div className="section-head">
          <h2 id="last-runs">Last runs</h2>
          {runs.data && runs.data.length > NUM_LAST_RUNS && <Link href="/runs">All runs</Link>}
        </div>
        {runs.error && <DiagnosticView diagnostic={diagnosticFromError(runs.error, 'listRuns')} />}
        {runs.data?.length === 0 && (
          <EmptyState title="Nothing has run yet">
            Open a room and start its tour, or type <code>tenfold tour</code> in a terminal: runs of both appear here.
          </EmptyState>
        )}
        {runs.data && runs.data.length > 0 && <RunRows runs={runs.data.slice(0, NUM_LAST_RUNS)} />}
      </section>
    </div>
  );
}

function RoomCard({
  room,
  fold,
  lastRun,
  lastAnswer,
}: {
  readonly room: RoomDescription;
  readonly fold: number;
  readonly lastRun: RunSummary | undefined;
  /** The newest run that ended with a verdict. */
  readonly lastAnswer: RunSummary | undefined;
}) {
  return (
    <li className={room.built ? 'room-card' : 'room-card is-unbuilt'}>
      <div className="room-card-head">
        <FoldMark fold={fold} size={30} />
        {room.built ? (
          lastRun ? (
            <StatusBadge status={lastRun.status} />
          ) : (
            <Badge tone="neutral">Not run yet</Badge>
          )
        ) : (
          <Badge tone="neutral">Not built yet</Badge>
        )}
      </div>
      <h2>
        <Link href={`/rooms/${room.id}`}>{room.title}</Link>
      </h2>
      <p className="room-question">{room.question}</p>
      {lastAnswer?.verdict && (
        <Link href={`/runs/${lastAnswer.id}`} className="room-answer" title={lastAnswer.verdict.text}>
          {lastAnswer.verdict.text}
        </Link>
      )}
      <p className="room-line">
        {room.page?.summary ?? room.paper.title} <span className="tf-mono">arXiv {room.paper.arxiv}</span>
      </p>
    </li>
  );
}
