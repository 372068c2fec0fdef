/** Reliability of the network's confidence on held-out source samples, before and after temperature. */
import { FigureRow, PlotView, Slider, Stack } from '@tenfold/ui';
import { useState } from 'react';
import { CONFIDENCE_OF_SOURCE, NOT_MEASURED } from '../src/not-measured.ts';
import type { AdaptJson } from '../src/outputs/adapt-json.ts';

export function Calibration({ result }: { readonly result: AdaptJson }) {
  const { views, methods } = result;
  const [place, setPlace] = useState(views.length - 1);
  const view = views[Math.min(place, views.length - 1)];
  const round = methods[0].rounds[view.round];
  const points = (bins: typeof view.reliability) =>
    bins.map(({ confidence, accuracy, count }) => ({ x: confidence, y: accuracy, label: `${count} samples` }));
  return (
    <Stack>
      <FigureRow
        figures={[
          { label: 'Calibration error, held-out source', value: round.sourceEce, digits: 3 },
          { label: 'after temperature', value: round.sourceEceCalibrated, digits: 3 },
          { label: 'Temperature', value: round.temperature, digits: 2 },
          ...(round.truthEce === undefined
            ? []
            : [{ label: 'Calibration error, target', value: round.truthEce, digits: 3 }]),
        ]}
      />
      {round.truthEce === undefined && (
        <p className="st-hint">
          {NOT_MEASURED} on the target. {CONFIDENCE_OF_SOURCE}
        </p>
      )}
      {views.length > 1 && (
        <Slider label={`Round ${view.round}`} min={0} max={views.length - 1} value={place} onChange={setPlace} />
      )}
      <PlotView
        block={{
          kind: 'plot',
          caption:
            'How often a confidence is right on held-out samples of the labelled domain; on the diagonal it keeps its word',
          mark: 'line',
          x: { label: 'confidence' },
          y: { label: 'share right' },
          series: [
            { name: 'network', points: points(view.reliability) },
            { name: 'after temperature', points: points(view.calibrated) },
            {
              name: 'perfect',
              points: [
                { x: 0, y: 0 },
                { x: 1, y: 1 },
              ],
            },
          ],
        }}
      />
    </Stack>
  );
}
