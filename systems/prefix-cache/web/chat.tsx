/** A chat whose prompt is shown in two colours: what came from the cache and what was computed. */
import {
  Button,
  Checkbox,
  FigureRow,
  Panel,
  Row,
  RunResult,
  Stack,
  TextField,
  useVerbRun,
  type RoomPageProps,
} from '@tenfold/ui';
import { useState } from 'react';
import { Icicle } from './icicle.tsx';
import type { AskResult } from './results.ts';

export function Chat(page: RoomPageProps) {
  const run = useVerbRun<AskResult>(page, 'ask', { addressKey: 'chat' });
  const [question, setQuestion] = useState('What weather shall we have before the whale is seen?');
  const [isVerified, setVerified] = useState(true);
  const ask = (history: readonly object[], forget = false): void => {
    const text = history.length === 0 ? '' : JSON.stringify(history);
    void run.start({ question, verify: isVerified, history: text, forget });
  };
  return (
    <Stack>
      <TextField label="Your message" value={question} onChange={setQuestion} />
      <Row>
        <Button variant="primary" onClick={() => ask([])}>
          Ask anew
        </Button>
        <Button onClick={() => ask(run.run?.result?.history ?? [])}>Go on</Button>
        <Button onClick={() => ask([], true)}>Ask with an empty cache</Button>
        <Checkbox label="Verify: compute it without the cache too" checked={isVerified} onChange={setVerified} />
      </Row>
      <RunResult page={page} run={run} empty="Ask twice: the second time the system prompt comes from the cache.">
        {({ result }) => (
          <Stack>
            <FigureRow
              figures={[
                { label: 'cached tokens', value: result!.cachedTokens, format: 'count' },
                { label: 'computed tokens', value: result!.promptTokens - result!.cachedTokens, format: 'count' },
                { label: 'time to first token', value: result!.ttftMs, format: 'duration-ms' },
                ...(result!.uncachedTtftMs === undefined
                  ? []
                  : [{ label: 'without the cache', value: result!.uncachedTtftMs, format: 'duration-ms' as const }]),
                ...(result!.isByteEqual === undefined
                  ? []
                  : [
                      {
                        label: 'same answer',
                        value: result!.isByteEqual ? 'yes' : 'no',
                        tone: result!.isByteEqual ? ('good' as const) : ('bad' as const),
                      },
                    ]),
              ]}
            />
            <Panel title="Prompt">
              <p className="prefix-key">
                <mark className="prefix-cached">shaded: from the cache</mark> ·{' '}
                <span className="prefix-new">dotted: computed now</span>
              </p>
              <p className="prefix-prompt">
                <mark className="prefix-cached" title="from the cache">
                  {result!.cachedText}
                </mark>
                <span className="prefix-new" title="computed">
                  {result!.newText}
                </span>
              </p>
            </Panel>
            <Panel title="Answer">
              <p className="prefix-prompt">{result!.text}</p>
            </Panel>
            <Panel title="What the cache holds now">
              <Icicle tree={result!.tree} />
            </Panel>
          </Stack>
        )}
      </RunResult>
    </Stack>
  );
}
