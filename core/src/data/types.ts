/** The nouns of core/data: where bytes come from and where they go. */

/** Bytes in order, once or more. */
export interface ByteStream {
  /** Path or other name for messages. */
  readonly name: string;
  /** Chunks in order, each fresh or at least unchanged until the next is asked for; the consumer does not change them. */
  stream(): AsyncIterable<Uint8Array>;
}

/** Bytes of known length with random access. Reads may overlap in time. */
export interface ByteSource extends ByteStream {
  readonly byteLength: number;
  /** Bytes [start, end); perhaps a view of shared memory: not to be changed.
   *  @throws TF-DATA-003 if the range leaves the source, TF-DATA-001 if the system cannot read */
  read(start: number, end: number): Promise<Uint8Array>;
  /** Fills target with the bytes from `start` on. Throws as `read` does. */
  readInto(target: Uint8Array, start: number): Promise<void>;
  /** Bytes [start, end) in chunks; default all. */
  stream(start?: number, end?: number): AsyncIterable<Uint8Array>;
  /** Reads after this fail. Closing twice is allowed. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What readers accept: a path (Node only), bytes, a browser's Blob or File, or an open source (which stays open). */
export type SourceInput = string | Uint8Array | Blob | ByteSource;

/** Where writers put bytes, in order. */
export interface ByteSink {
  readonly name: string;
  /** Bytes taken so far. */
  readonly byteLength: number;
  /** Takes the bytes; the caller may change them after the promise resolves. */
  write(bytes: Uint8Array): Promise<void>;
}

/** What writers accept: a path (Node only; written under a temporary name, then renamed) or an open sink. */
export type SinkOutput = string | ByteSink;

export interface WriteOptions {
  /** Replace a file that exists. Default false. */
  readonly force?: boolean;
}
