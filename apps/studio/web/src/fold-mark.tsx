/** The mark of Tenfold: a decagon of ten folds. A room's mark shows its own fold in its own hue. */
const NUM_FOLDS = 10;
const RADIUS = 14;
const CENTRE = 16;
const FOLD_HUES = [
  '#2767a8',
  '#2c97a0',
  '#2f8a5b',
  '#8fa63a',
  '#d9a92b',
  '#d1662b',
  '#c0436b',
  '#a04fa8',
  '#6c58c4',
  '#4563c9',
] as const;

const FOLD_PATHS = Array.from({ length: NUM_FOLDS }, (_, fold) => {
  const corner = (index: number) => {
    const angle = ((index / NUM_FOLDS) * 2 - 0.5) * Math.PI;
    return `${(CENTRE + RADIUS * Math.cos(angle)).toFixed(2)} ${(CENTRE + RADIUS * Math.sin(angle)).toFixed(2)}`;
  };
  return `M${CENTRE} ${CENTRE} ${corner(fold)} ${corner(fold + 1)}Z`;
});

/** @param fold  0-based fold of a room; left out, all ten are shown */
export function FoldMark({ fold, size = 22 }: { readonly fold?: number; readonly size?: number }) {
  return (
    <svg className="fold-mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      {FOLD_PATHS.map((path, index) => {
        const isLit = fold === undefined || fold === index;
        return (
          <path
            key={path}
            d={path}
            fill={isLit ? FOLD_HUES[index] : 'var(--line-strong)'}
            stroke={fold === undefined ? undefined : 'var(--surface)'}
            strokeWidth={fold === undefined ? undefined : 1}
            opacity={fold === undefined && index % 2 === 1 ? 0.72 : 1}
          />
        );
      })}
    </svg>
  );
}
