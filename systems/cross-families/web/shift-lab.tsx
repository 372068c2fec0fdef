/** Shift lab: left-compression step by step, on families of the reader's own or on lexicographic ones. */
import {
  Button,
  Panel,
  Slider,
  Stack,
  TextField,
  VerbLab,
  useAddressNumber,
  useAddressState,
  type RoomPageProps,
} from '@tenfold/ui';
import { useEffect, useState } from 'react';
import { FamilyLegend, Lattice } from './lattice.tsx';
import type { Families, OperateResult } from './results.ts';

const STEP_MS = 900;

export function ShiftLab(page: RoomPageProps) {
  const [n, setN] = useAddressNumber('points', 5);
  const [families, setFamilies] = useAddressState<string>('families', '345 245 235 | 24 35 45');
  return (
    <VerbLab<OperateResult>
      page={page}
      verb="operate"
      addressKey="shift"
      params={{ operator: 'compress', n, families }}
      action="Shift to the left"
      earlier="Earlier families"
      empty={<>Press “Shift to the left”: each step replaces an element j by a smaller i, in all families at once.</>}
      fields={
        <>
          <Slider label="Points n" min={2} max={6} value={n} onChange={setN} />
          <TextField
            label="Families"
            help="Sets separated by spaces, families by |"
            value={families}
            onChange={setFamilies}
            mono
          />
        </>
      }
    >
      {(detail) => <Player key={detail.id} n={n} result={detail.result!} />}
    </VerbLab>
  );
}

function Player({ n, result }: { readonly n: number; readonly result: OperateResult }) {
  const [step, setStep] = useState(0);
  const [isPlaying, setPlaying] = useState(false);
  const last = result.steps.length;
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setInterval(() => setStep((current) => Math.min(current + 1, last)), STEP_MS);
    return () => clearInterval(timer);
  }, [isPlaying, last]);
  useEffect(() => {
    if (step === last) setPlaying(false);
  }, [step, last]);
  const shown = step === 0 ? result.before : result.steps[step - 1]!.families;
  const previous = step <= 1 ? result.before : result.steps[step - 2]!.families;
  const largest = Math.max(n, ...shown.flat(2));
  return (
    <Panel
      title={
        step === 0 ? 'Before' : `Step ${step} of ${last}: ${result.steps[step - 1]!.j} → ${result.steps[step - 1]!.i}`
      }
      actions={
        <>
          <Button onClick={() => setStep(Math.max(0, step - 1))} disabled={step === 0}>
            Back
          </Button>
          <Button
            icon={isPlaying ? 'stop' : 'play'}
            onClick={() => {
              if (step === last) setStep(0);
              setPlaying(!isPlaying);
            }}
            disabled={last === 0}
          >
            {isPlaying ? 'Stop' : 'Play'}
          </Button>
          <Button onClick={() => setStep(Math.min(last, step + 1))} disabled={step === last}>
            Next
          </Button>
        </>
      }
    >
      <Stack>
        <Slider label="Step" min={0} max={last} value={step} onChange={setStep} />
        <FamilyLegend families={shown} />
        <Lattice n={largest} families={shown} />
        {shown.map((family, f) => (
          <SetList key={f} name={`F${f + 1}`} family={family} previous={previous[f]!} />
        ))}
        <p>
          {last === 0
            ? 'Nothing moves: the families are left-compressed already.'
            : 'Sizes and intersections stay as they were.'}
        </p>
      </Stack>
    </Panel>
  );
}

function SetList({
  name,
  family,
  previous,
}: {
  readonly name: string;
  readonly family: Families[number];
  readonly previous: Families[number];
}) {
  const before = new Set(previous.map((set) => set.join(',')));
  return (
    <div className="families-sets" aria-label={name}>
      <strong>{name}</strong>
      {family.map((set) => (
        <span key={set.join(',')} className={before.has(set.join(',')) ? undefined : 'is-moved'}>
          {set.join('') || '∅'}
          {before.has(set.join(',')) ? '' : ' new'}
        </span>
      ))}
    </div>
  );
}
