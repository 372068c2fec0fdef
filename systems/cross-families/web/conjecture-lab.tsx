/** Conjecture lab: a formula against exact values; the counterexample comes with its picture. */
import {
  SelectField,
  Slider,
  TextField,
  VerbLab,
  useAddressNumber,
  useAddressState,
  type RoomPageProps,
} from '@tenfold/ui';

type Range = 'in' | 'mixed' | 'out' | 'all';

export function ConjectureLab(page: RoomPageProps) {
  const [formula, setFormula] = useAddressState<string>('formula', 'max(star, ball(jmax, s(jmax)))');
  const [maxN, setMaxN] = useAddressNumber('maxN', 5);
  const [range, setRange] = useAddressState<Range>('range', 'in');
  return (
    <VerbLab
      page={page}
      verb="conjecture"
      addressKey="conjecture"
      params={{ formula, maxN, range }}
      action="Look for a counterexample"
      earlier="Earlier conjectures"
      empty={<>Press “Look for a counterexample”: the formula is compared with exact values until it fails.</>}
      fields={
        <>
          <TextField
            label="Formula"
            help="n, m, k(i), s(j), star, ball(j, s), balls, binom(a, b), max, min, if, sum, layers"
            value={formula}
            onChange={setFormula}
            mono
          />
          <Slider label="Most points" min={3} max={6} value={maxN} onChange={setMaxN} />
          <SelectField
            label="Range"
            value={range}
            onChange={setRange}
            options={[
              { value: 'in', label: 'n ≥ K1 + K2' },
              { value: 'mixed', label: 'uniform mixed' },
              { value: 'out', label: 'outside the theorem' },
              { value: 'all', label: 'all' },
            ]}
          />
        </>
      }
    />
  );
}
