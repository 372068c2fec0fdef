/** Quorum planner: sites on a latency map, thresholds, load bars, what-if failures; and systems given as expressions. */
import {
  BlockList,
  FigureRow,
  Panel,
  SelectField,
  Slider,
  Stack,
  TextField,
  VerbLab,
  useAddressNumber,
  useAddressState,
  useTourReport,
  type RoomPageProps,
} from '@tenfold/ui';
import type { PlanJson, StrategyJson, SystemJson } from '../src/quorum/report.ts';
import { LoadBars } from './load-bars.tsx';
import { QuorumMap } from './quorum-map.tsx';

/** Failed nodes, kept in the address as a comma list. */
function useFailures(): [ReadonlySet<string>, (node: string) => void, () => void] {
  const [text, setText] = useAddressState<string>('down', '');
  const down = new Set(text.split(',').filter((node) => node !== ''));
  const toggle = (node: string): void => {
    const next = new Set(down);
    if (!next.delete(node)) next.add(node);
    down.clear();
    for (const id of next) down.add(id);
    setText([...next].join(','));
  };
  return [down, toggle, () => setText('')];
}

export function SitePlanner(page: RoomPageProps) {
  const [sites, setSites] = useAddressNumber('sites', 5);
  const [readFraction, setReadFraction] = useAddressNumber('reads', 0.75);
  const [latency, setLatency] = useAddressState<string>('latency', '');
  const [planIndex, setPlanIndex] = useAddressNumber('plan', 0);
  const [down, toggle, clear] = useFailures();
  const tour = useTourReport(
    page,
    'Press “Plan the store” to see the best sites of yours on a map of round-trip times.',
  );
  return (
    <VerbLab<PlanJson>
      page={page}
      verb="quorum plan"
      addressKey="planRun"
      params={{ sites, readFraction: String(readFraction), latency }}
      action="Plan the store"
      earlier="Earlier plans"
      empty={<>Press “Plan the store”: the best sites per pair of quorum sizes appear on a map of round-trip times.</>}
      instead={tour}
      fields={
        <>
          <Slider label="Sites" min={3} max={9} value={sites} onChange={setSites} />
          <Slider label="Share of reads" min={0} max={1} step={0.05} value={readFraction} onChange={setReadFraction} />
          <TextField
            label="Latency table"
            help="Path of a square table of round-trip times; empty for the shipped cloud regions"
            value={latency}
            onChange={setLatency}
          />
        </>
      }
    >
      {(detail) => {
        const plan = detail.result!;
        const chosen = plan.plans?.[Math.min(planIndex, plan.plans.length - 1)];
        if (!chosen) return <p>{detail.report!.verdict.text}</p>;
        return (
          <Stack>
            <p>{detail.report!.verdict.text}</p>
            <SelectField
              label="Plan"
              value={String(Math.min(planIndex, plan.plans.length - 1))}
              onChange={(value) => setPlanIndex(Number(value))}
              options={plan.plans.map((entry, index) => ({
                value: String(index),
                label: `read ${entry.readQuorum}, write ${entry.writeQuorum}: ${entry.meanMs.toFixed(1)} ms`,
              }))}
            />
            <FigureRow
              figures={[
                { label: 'mean time to a quorum', value: chosen.meanMs, unit: 'ms', format: 'number', digits: 1 },
                {
                  label: 'sites',
                  value: chosen.isProved ? 'proved best' : 'not proved',
                  tone: chosen.isProved ? 'good' : 'warn',
                },
                { label: 'load', value: chosen.value },
                { label: 'certified gap', value: chosen.gap, tone: chosen.gap === '0' ? 'good' : 'warn' },
              ]}
            />
            <Panel title="Sites by round-trip time">
              <QuorumMap plan={plan} chosen={chosen} down={down} onToggle={toggle} />
              <p>{`Distances resemble round-trip times (${plan.source}). Press a site to fail it.`}</p>
            </Panel>
            <Panel title="What if nodes fail?">
              <LoadBars system={chosen} down={down} onToggle={toggle} onClear={clear} />
            </Panel>
          </Stack>
        );
      }}
    </VerbLab>
  );
}

export function SystemPlanner(page: RoomPageProps) {
  const [reads, setReads] = useAddressState<string>('expression', 'a*c + b*d + c*d');
  const [share, setShare] = useAddressNumber('share', 0.75);
  const [nodes, setNodes] = useAddressState<string>('nodes', '');
  const [down, toggle, clear] = useFailures();
  return (
    <VerbLab<SystemJson & StrategyJson>
      page={page}
      verb="quorum strategy"
      addressKey="strategyRun"
      params={{ reads, nodes, readFraction: String(share) }}
      action="Find the best strategy"
      earlier="Earlier systems"
      empty={<>Press “Find the best strategy” to see loads, a proof of optimality and what failures leave.</>}
      fields={
        <>
          <TextField
            label="Read quorums"
            help="a*b + c*d, choose 2 (a, b, c), majority(a, b, c)"
            value={reads}
            onChange={setReads}
            mono
          />
          <TextField
            label="Node table"
            help="Path of a JSON file; empty for alike nodes"
            value={nodes}
            onChange={setNodes}
          />
          <Slider label="Share of reads" min={0} max={1} step={0.05} value={share} onChange={setShare} />
        </>
      }
    >
      {(detail) => (
        <Stack>
          <p>{detail.report!.verdict.text}</p>
          <Panel title="What if nodes fail?">
            <LoadBars system={detail.result!} down={down} onToggle={toggle} onClear={clear} />
          </Panel>
          <BlockList blocks={detail.report!.blocks} />
        </Stack>
      )}
    </VerbLab>
  );
}
