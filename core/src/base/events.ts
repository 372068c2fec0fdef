/** A typed event source without DOM or Node types. Listeners are called in order of registration. */

export interface EventSource<Events> {
  /** Registers a listener. @returns a function that removes it */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void;
}

export interface EventEmitter<Events> extends EventSource<Events> {
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void;
}

/** An emitter without listeners; `emit` calls them at once, in order of registration. */
export function createEventEmitter<Events>(): EventEmitter<Events> {
  const listeners = new Map<keyof Events, Set<(event: never) => void>>();
  return {
    on(name, listener) {
      let set = listeners.get(name);
      if (!set) listeners.set(name, (set = new Set()));
      set.add(listener as (event: never) => void);
      return () => void set.delete(listener as (event: never) => void);
    },
    emit(name, event) {
      for (const listener of listeners.get(name) ?? []) (listener as (value: typeof event) => void)(event);
    },
  };
}
