/** The room's page: plan a model, move stage borders, see the timeline before and after filling, compare, really run. */
import { Stack, Tabs, useAddressState, type RoomPageProps } from '@tenfold/ui';
import './page.css';
import { CascadePanel } from './cascade-panel.tsx';
import { ComparePanel } from './compare-panel.tsx';
import { PlanPanel } from './plan-panel.tsx';
import { RunPanel } from './run-panel.tsx';

type View = 'plan' | 'compare' | 'cascade' | 'run';

const VIEWS: readonly { readonly id: View; readonly label: string; readonly intro: string }[] = [
  { id: 'plan', label: 'Plan', intro: 'How should the layers be cut, and what runs in the gaps?' },
  {
    id: 'compare',
    label: 'Compare',
    intro: 'What would data parallelism and other pipelines take on the same devices?',
  },
  { id: 'cascade', label: 'Several backbones', intro: 'How should two models of a cascade share the devices?' },
  { id: 'run', label: 'Measure', intro: 'Does it hold on real workers? Predicted against measured.' },
];

export default function PipePlanPage(page: RoomPageProps) {
  const [view, setView] = useAddressState<View>('view', 'plan');
  const chosen = VIEWS.find((entry) => entry.id === view) ?? VIEWS[0]!;
  return (
    <Tabs tabs={VIEWS} selected={chosen.id} onSelect={setView} label="Part of the room">
      <Stack>
        <p>{chosen.intro}</p>
        <Content view={chosen.id} page={page} />
      </Stack>
    </Tabs>
  );
}

function Content({ view, page }: { readonly view: View; readonly page: RoomPageProps }) {
  switch (view) {
    case 'plan':
      return <PlanPanel {...page} />;
    case 'compare':
      return <ComparePanel {...page} />;
    case 'cascade':
      return <CascadePanel {...page} />;
    case 'run':
      return <RunPanel {...page} />;
  }
}
