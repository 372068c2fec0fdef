/** Pieces of layout: panel, stack, row, grid, side by side, split pane. */
import { useRef, useState, type CSSProperties, type ReactNode } from 'react';

export function Panel({
  title,
  actions,
  children,
}: {
  readonly title?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className="tf-panel">
      {(title || actions) && (
        <header className="tf-panel-head">
          <h2>{title}</h2>
          <div className="tf-row">{actions}</div>
        </header>
      )}
      <div className="tf-panel-body">{children}</div>
    </section>
  );
}

export function Stack({ children, gap = 4 }: { readonly children: ReactNode; readonly gap?: 1 | 2 | 3 | 4 | 5 | 6 }) {
  return (
    <div className="tf-stack" style={{ gap: `var(--space-${gap})` }}>
      {children}
    </div>
  );
}

export function Row({ children }: { readonly children: ReactNode }) {
  return <div className="tf-row">{children}</div>;
}

/** Columns of equal width that wrap. @param minWidthPx  narrowest column, default 280 */
export function Grid({ children, minWidthPx = 280 }: { readonly children: ReactNode; readonly minWidthPx?: number }) {
  return (
    <div
      className="tf-grid"
      style={{ gridTemplateColumns: `repeat(auto-fill, minmax(min(100%, ${minWidthPx}px), 1fr))` }}
    >
      {children}
    </div>
  );
}

/** Two or more things to compare, each under its name; stacked on narrow screens. */
export function SideBySide({
  items,
}: {
  readonly items: readonly { readonly label: string; readonly content: ReactNode }[];
}) {
  return (
    <div className="tf-side-by-side" style={{ '--columns': items.length } as CSSProperties}>
      {items.map((item) => (
        <figure key={item.label}>
          <figcaption>{item.label}</figcaption>
          {item.content}
        </figure>
      ))}
    </div>
  );
}

/** Controls beside their result: a fixed column on wide screens, stacked on narrow ones. */
export function WithControls({ controls, children }: { readonly controls: ReactNode; readonly children: ReactNode }) {
  return (
    <div className="tf-with-controls">
      <aside>{controls}</aside>
      <div className="tf-stack">{children}</div>
    </div>
  );
}

/** Two panes with a divider that drags, or moves with the arrow keys. @param initialRatio  share of the first pane, 0..1 */
export function SplitPane({
  first,
  second,
  initialRatio = 0.5,
  label = 'Divider',
}: {
  readonly first: ReactNode;
  readonly second: ReactNode;
  readonly initialRatio?: number;
  readonly label?: string;
}) {
  const [ratio, setRatio] = useState(initialRatio);
  const frame = useRef<HTMLDivElement>(null);
  const clamp = (value: number) => Math.min(0.85, Math.max(0.15, value));
  return (
    <div className="tf-split" ref={frame} style={{ gridTemplateColumns: `${ratio}fr 9px ${1 - ratio}fr` }}>
      <div className="tf-split-pane">{first}</div>
      <div
        className="tf-split-bar"
        role="separator"
        aria-orientation="vertical"
        aria-label={label}
        aria-valuenow={Math.round(ratio * 100)}
        aria-valuemin={15}
        aria-valuemax={85}
        tabIndex={0}
        onKeyDown={(event) => {
          const step = event.key === 'ArrowLeft' ? -0.02 : event.key === 'ArrowRight' ? 0.02 : 0;
          if (step !== 0) setRatio(clamp(ratio + step));
        }}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          const box = frame.current?.getBoundingClientRect();
          if (box && event.currentTarget.hasPointerCapture(event.pointerId))
            setRatio(clamp((event.clientX - box.left) / box.width));
        }}
      />
      <div className="tf-split-pane">{second}</div>
    </div>
  );
}
