/** The room's page: extremal families on one side, quorums on the other. */
import { Stack, Tabs, useAddressState, type RoomPage, type RoomPageProps } from '@tenfold/ui';
import { ConjectureLab } from './conjecture-lab.tsx';
import { Extremum } from './extremum.tsx';
import './page.css';
import { Pareto } from './pareto.tsx';
import { SitePlanner, SystemPlanner } from './planner.tsx';
import { ShiftLab } from './shift-lab.tsx';

type View = 'extremum' | 'shift' | 'conjecture' | 'sites' | 'system' | 'pareto';

const VIEWS: readonly { readonly id: View; readonly label: string; readonly intro: string }[] = [
  {
    id: 'sites',
    label: 'Quorum map',
    intro: 'Which sites and which read and write quorums serve your clients fastest, and what is left when some fail?',
  },
  {
    id: 'system',
    label: 'Strategy',
    intro: 'How should a given quorum system be used, and what can it carry at most?',
  },
  {
    id: 'pareto',
    label: 'Pareto front',
    intro: 'Which quorum systems are beaten by no other in load, latency and availability?',
  },
  {
    id: 'extremum',
    label: 'Extremum',
    intro:
      'How large can families of sets be if every two sets of different families meet, and which families are that large?',
  },
  {
    id: 'shift',
    label: 'Shift lab',
    intro: 'Shifting moves families to the left and keeps their sizes and intersections.',
  },
  {
    id: 'conjecture',
    label: 'Conjecture lab',
    intro: 'Does your formula for the maximum hold? The first counterexample is made as small as possible.',
  },
];

const CONTENT: Readonly<Record<View, RoomPage>> = {
  sites: SitePlanner,
  system: SystemPlanner,
  pareto: Pareto,
  extremum: Extremum,
  shift: ShiftLab,
  conjecture: ConjectureLab,
};

export default function Page(page: RoomPageProps) {
  const [view, setView] = useAddressState<View>('view', 'sites');
  const chosen = VIEWS.find((entry) => entry.id === view) ?? VIEWS[0]!;
  const Content = CONTENT[chosen.id];
  return (
    <Tabs tabs={VIEWS} selected={chosen.id} onSelect={setView} label="Part of the room">
      <Stack>
        <p>{chosen.intro}</p>
        <Content {...page} />
      </Stack>
    </Tabs>
  );
}
