/** The timeline of rounds: what was accepted, how far EM and network agree, what the guard saw, and the likelihood. */
import { Callout, FigureRow, Grid, PlotView, Stack } from '@tenfold/ui';
import type { PlotBlock } from '@tenfold/core/report';
import { NOT_MEASURED, WHY_NOT_MEASURED } from '../src/not-measured.ts';
import type { AdaptJson, MethodJson } from '../src/outputs/adapt-json.ts';
import { METHOD_LABELS } from './method-names.ts';

export function Rounds({ result }: { readonly result: AdaptJson }) {
  const [shown] = result.methods;
  const kept = shown.rounds[shown.keptRound];
  const start = shown.rounds[0];
  return (
    <Stack>
      <FigureRow
        figures={[
          ...(shown.accuracy === undefined
            ? [{ label: 'Target accuracy', value: 'not measured' }]
            : [
                { label: 'Target accuracy before', value: start.truthAccuracy!, format: 'percent' as const, digits: 1 },
                { label: 'after', value: shown.accuracy, format: 'percent' as const, digits: 1 },
              ]),
          { label: 'EM and network agree (not accuracy)', value: kept.agreement, format: 'percent', digits: 1 },
          {
            label: 'Labels accepted',
            value: kept.acceptedPerClass.reduce((sum, count) => sum + count, 0),
            format: 'count',
          },
        ]}
      />
      <Guard method={shown} />
      {shown.accuracy === undefined && <Callout tone="info" title={`${NOT_MEASURED}.`} text={WHY_NOT_MEASURED} />}
      <Grid minWidthPx={360}>
        {shown.accuracy !== undefined && <PlotView block={accuracyBlock(result.methods)} />}
        <PlotView block={acceptedBlock(shown, result.classNames)} />
        <PlotView block={watchedBlock(shown)} />
        <PlotView block={likelihoodBlock(shown)} />
      </Grid>
    </Stack>
  );
}

function Guard({ method }: { readonly method: MethodJson }) {
  // the first report is of the network before the rounds
  const numRounds = method.rounds.length - 1;
  if (!method.isStopped) {
    // no alarm is not yet good: that is said of a measured gain alone
    const before = method.rounds[0].truthAccuracy;
    const hasGained = before !== undefined && method.accuracy !== undefined && method.accuracy > before;
    return (
      <Callout
        tone={hasGained ? 'good' : 'info'}
        title={`The guard saw ${numRounds} ${numRounds === 1 ? 'round' : 'rounds'} without an alarm and kept the last.`}
      />
    );
  }
  const last = method.rounds.at(-1)!;
  return (
    <Callout
      tone="warn"
      title={`The guard stopped round ${last.round} and went back to round ${method.keptRound}.`}
      text={`${last.alarms.join('; ')}. No target label was needed to see it.`}
    />
  );
}

function accuracyBlock(methods: readonly MethodJson[]): PlotBlock {
  return {
    kind: 'plot',
    caption: 'Target accuracy, measured with labels that only the oracle sees',
    mark: 'line',
    x: { label: 'round' },
    y: { label: 'accuracy' },
    series: methods.map(({ method, rounds }) => ({
      name: METHOD_LABELS[method],
      points: rounds.map(({ round, truthAccuracy }) => ({ x: round, y: truthAccuracy ?? 0 })),
    })),
  };
}

function acceptedBlock({ rounds }: MethodJson, classNames: readonly string[]): PlotBlock {
  return {
    kind: 'plot',
    caption: 'Pseudo-labels accepted per class',
    mark: 'line',
    x: { label: 'round' },
    y: { label: 'labels' },
    series: classNames.map((name, c) => ({
      name,
      points: rounds.map(({ round, acceptedPerClass }) => ({ x: round, y: acceptedPerClass[c] })),
    })),
  };
}

function watchedBlock({ rounds, keptRound }: MethodJson): PlotBlock {
  return {
    kind: 'plot',
    caption: 'What the guard watches, without target labels',
    mark: 'line',
    x: { label: 'round' },
    y: { label: 'share' },
    series: [
      { name: 'EM and network agree', points: rounds.map(({ round, agreement }) => ({ x: round, y: agreement })) },
      {
        name: 'held-out source accuracy',
        points: rounds.map(({ round, sourceAccuracy }) => ({ x: round, y: sourceAccuracy })),
      },
      { name: 'class shift', points: rounds.map(({ round, priorShift }) => ({ x: round, y: priorShift })) },
      { name: 'score', points: rounds.map(({ round, score }) => ({ x: round, y: score })) },
    ],
    rules: [{ axis: 'x', value: keptRound, label: 'kept' }],
  };
}

function likelihoodBlock({ rounds }: MethodJson): PlotBlock {
  return {
    kind: 'plot',
    caption: 'Likelihood of the target features, never falling within a round',
    mark: 'line',
    x: { label: 'EM iteration' },
    y: { label: 'gain', unit: 'nats a sample' },
    series: rounds.map(({ round, logLikelihood }) => ({
      name: `round ${round}`,
      points: logLikelihood.map((value, i) => ({ x: i, y: value - logLikelihood[0] })),
    })),
  };
}
