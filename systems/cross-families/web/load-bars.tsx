/** Load of every node as bars, and a button that fails it: what is left of the system without it. */
import { Badge, Button, Row, Stack } from '@tenfold/ui';
import type { StrategyJson, SystemJson } from '../src/quorum/report.ts';
import { aftermath } from './what-if.ts';

export function LoadBars({
  system,
  down,
  onToggle,
  onClear,
}: {
  readonly system: SystemJson & StrategyJson;
  readonly down: ReadonlySet<string>;
  readonly onToggle: (node: string) => void;
  readonly onClear: () => void;
}) {
  const { canRead, canWrite, loads } = aftermath(system, down);
  const before = system.nodes.map((_, index) => system.metrics.nodeLoads[index]!);
  const most = Math.max(...before, ...(loads ? loads.values() : []), 1e-12);
  const zones = [...new Set(system.nodes.map((node) => node.zone).filter((zone) => zone !== undefined))];
  return (
    <Stack>
      <Row>
        <Verdict word="Reads" isPossible={canRead} />
        <Verdict word="Writes" isPossible={canWrite} />
        {down.size > 0 && <Button onClick={onClear}>Bring all back</Button>}
      </Row>
      {zones.length > 0 && (
        <Row>
          {zones.map((zone) => (
            <Button
              key={zone}
              onClick={() => {
                for (const node of system.nodes) if (node.zone === zone && !down.has(node.id)) onToggle(node.id);
              }}
            >
              {`Fail zone ${zone}`}
            </Button>
          ))}
        </Row>
      )}
      <div className="families-loads">
        {system.nodes.map((node, index) => {
          const isDown = down.has(node.id);
          const load = isDown ? 0 : (loads?.get(node.id) ?? 0);
          return [
            <span key={`${node.id} name`}>{node.id}</span>,
            <div key={`${node.id} bar`} className="families-bar" aria-hidden="true">
              <span style={{ width: `${(100 * load) / most}%` }} />
            </div>,
            <span key={`${node.id} load`}>
              {isDown ? 'failed' : load.toPrecision(3)}
              {down.size > 0 && !isDown ? ` (was ${before[index]!.toPrecision(3)})` : ''}
            </span>,
            <Button
              key={`${node.id} toggle`}
              size="s"
              onClick={() => onToggle(node.id)}
              aria-label={`${isDown ? 'Bring back' : 'Fail'} ${node.id}`}
            >
              {isDown ? 'Bring back' : 'Fail'}
            </Button>,
          ];
        })}
      </div>
      {down.size > 0 && !loads && canRead && canWrite && (
        <p>
          The strategy uses no quorum that survives on one side; the system still has one. Plan again without the failed
          nodes.
        </p>
      )}
    </Stack>
  );
}

function Verdict({ word, isPossible }: { readonly word: string; readonly isPossible: boolean | undefined }) {
  if (isPossible === undefined) return <Badge tone="neutral">{`${word}: too many quorums to list`}</Badge>;
  return <Badge tone={isPossible ? 'good' : 'bad'}>{`${word} ${isPossible ? 'possible' : 'blocked'}`}</Badge>;
}
