/** The room's page: timelines, ranges, tokens, bandwidth, a real run, and traces of the user's. */
import { Stack, Tabs, useAddressState, type RoomPageProps } from '@tenfold/ui';
import type { ReactNode } from 'react';
import { AxesLab } from './axes-lab.tsx';
import { BandwidthLab } from './bandwidth-lab.tsx';
import './page.css';
import { RangeLab } from './range-lab.tsx';
import { TimelineLab } from './timeline-lab.tsx';
import { TokenGrid } from './token-grid.tsx';
import { TraceDrop } from './trace-drop.tsx';
import { WorkersLab } from './workers-lab.tsx';

type View = 'timeline' | 'range' | 'tokens' | 'axes' | 'bandwidth' | 'workers' | 'trace';

const VIEWS: readonly { readonly id: View; readonly label: string; readonly intro: string }[] = [
  { id: 'timeline', label: 'Timeline', intro: 'Both lanes of a device, as written and as planned.' },
  {
    id: 'range',
    label: 'Range and parts',
    intro: 'A wider range hides more and costs more: where is the turning point?',
  },
  { id: 'tokens', label: 'Tokens', intro: 'Cutting a batch must not change who is dropped.' },
  { id: 'axes', label: 'Axes', intro: 'A range can be cut only if all its operations agree on axes.' },
  { id: 'bandwidth', label: 'Bandwidth', intro: 'What would a faster or slower network change?' },
  { id: 'workers', label: 'Two workers', intro: 'The same plans on two worker threads with real tensors.' },
  { id: 'trace', label: 'Your trace', intro: 'How much communication does your own run hide?' },
];

export default function Page(page: RoomPageProps) {
  const [view, setView] = useAddressState<View>('view', 'timeline');
  const chosen = VIEWS.find((entry) => entry.id === view) ?? VIEWS[0]!;
  return (
    <Tabs tabs={VIEWS} selected={chosen.id} onSelect={setView} label="Part of the room">
      <Stack>
        <p>{chosen.intro}</p>
        {contentOf(chosen.id, page)}
      </Stack>
    </Tabs>
  );
}

function contentOf(view: View, page: RoomPageProps): ReactNode {
  switch (view) {
    case 'timeline':
      return <TimelineLab {...page} />;
    case 'range':
      return <RangeLab {...page} />;
    case 'tokens':
      return <TokenGrid {...page} />;
    case 'bandwidth':
      return <BandwidthLab {...page} />;
    case 'axes':
      return <AxesLab {...page} />;
    case 'workers':
      return <WorkersLab {...page} />;
    case 'trace':
      return <TraceDrop {...page} />;
  }
}
