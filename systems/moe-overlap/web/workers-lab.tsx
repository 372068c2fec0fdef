/** The same plans on two worker threads. */
import { Slider, useAddressNumber, VerbLab, type RoomPageProps } from '@tenfold/ui';
import { MeasuredView } from './measured-view.tsx';
import type { MeasuredResult } from './results.ts';
import { timelinesOf } from './timelines.ts';
import { useTourResult } from './tour-result.tsx';

export function WorkersLab(page: RoomPageProps) {
  const [ratio, setRatio] = useAddressNumber('ratio', 1.5);
  const [rounds, setRounds] = useAddressNumber('rounds', 3);
  const tour = useTourResult(page, ({ measured }, timelines) => (
    <MeasuredView result={measured} timelines={timelines.slice(2)} others={[]} />
  ));
  return (
    <VerbLab<MeasuredResult>
      page={page}
      verb="run"
      addressKey="run"
      params={{ ratio, rounds }}
      action="Run on two workers"
      earlier="Earlier runs"
      empty="Press “Run on two workers”: real tensors, six modes, the same bits."
      instead={tour}
      fields={
        <>
          <Slider
            label="All-to-all over experts"
            unit="×"
            min={0.5}
            max={4}
            step={0.5}
            value={ratio}
            onChange={setRatio}
          />
          <Slider label="Timed rounds" min={1} max={15} value={rounds} onChange={setRounds} />
        </>
      }
    >
      {(shown) => <MeasuredView result={shown.result!} {...timelinesOf(shown.report!)} />}
    </VerbLab>
  );
}
