/** Rooms and runs, kept fresh by the server's events. */
import { useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import type { RoomDescription, RunListQuery, RunSummary } from '@tenfold/ui';
import { useEffect } from 'react';
import { httpApi } from './http-api.ts';
import { openVisibleEventSource } from './visible-event-source.ts';

export function useRooms(): UseQueryResult<readonly RoomDescription[]> {
  return useQuery({ queryKey: ['rooms'], queryFn: () => httpApi.listRooms(), staleTime: 60_000 });
}

export function useRuns(query: RunListQuery = {}): UseQueryResult<readonly RunSummary[]> {
  return useQuery({
    queryKey: ['runs', query],
    queryFn: () => httpApi.listRuns(query),
    placeholderData: (previous: readonly RunSummary[] | undefined) => previous,
  });
}

const GATHER_MS = 120;

/** Asks for the run lists again when a run starts, ends or is deleted anywhere. Mount once. */
export function useRunListUpdates(): void {
  const client = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void client.invalidateQueries({ queryKey: ['runs'] });
      }, GATHER_MS);
    };
    const close = openVisibleEventSource('/api/events', { runs: refresh, hello: refresh });
    return () => {
      clearTimeout(timer);
      close();
    };
  }, [client]);
}
