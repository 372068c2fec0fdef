/** The nouns of the room, gathered for readers and for the page. */
export type { AbstentionCode, Answer, AnswerResult, Mode, Pruned, Support } from './answer/types.ts';
export type { EntityRecord, Evidence, EvidenceStore, Field, NewEvidence, Source } from './store/types.ts';
export type { SpanBounds, TimeSpan } from './time/span.ts';
export type { Signal, Verdict } from './time/verdict.ts';
export type { AnswerKind, Category, Frame } from './understand/frame.ts';
export type { Timeline, TimelineRow } from './timeline.ts';
export type { SourceView } from './verbs/source.ts';
export type { IngestResult } from './ingest/ingest.ts';
