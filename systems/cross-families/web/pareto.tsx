/** Pareto front: systems on five nodes that no other beats in load, latency and availability at once. */
import { Slider, TextField, VerbLab, useAddressNumber, useAddressState, type RoomPageProps } from '@tenfold/ui';

export function Pareto(page: RoomPageProps) {
  const [nodes, setNodes] = useAddressState<string>('table', '');
  const [size, setSize] = useAddressNumber('size', 5);
  const [share, setShare] = useAddressNumber('share', 0.75);
  return (
    <VerbLab
      page={page}
      verb="quorum pareto"
      addressKey="pareto"
      params={{ nodes, size, readFraction: String(share) }}
      action="Compare all systems"
      earlier="Earlier fronts"
      empty={<>Press “Compare all systems”: every quorum system on the nodes is looked at, the unbeaten ones appear.</>}
      fields={
        <>
          <TextField
            label="Node table"
            help="Path of a JSON file with capacities, latencies and up-probabilities"
            value={nodes}
            onChange={setNodes}
          />
          <Slider label="Alike nodes, without a table" min={3} max={5} value={size} onChange={setSize} />
          <Slider label="Share of reads" min={0} max={1} step={0.05} value={share} onChange={setShare} />
        </>
      }
    />
  );
}
