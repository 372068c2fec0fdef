/** Line icons on a 16-unit grid, drawn in the text's colour. Decoration only: hidden from screen readers. */
const ICON_PATHS = {
  arrowRight: 'M3 8h10M9 4l4 4-4 4',
  arrowLeft: 'M13 8H3M7 4 3 8l4 4',
  check: 'm3 8.5 3.2 3.2L13 4.5',
  chevronDown: 'm4 6 4 4 4-4',
  clock: 'M8 4.5V8l2.5 1.5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z',
  close: 'm4 4 8 8M12 4l-8 8',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  cross: 'm4.5 4.5 7 7M11.5 4.5l-7 7',
  download: 'M8 2.5v7.5M4.5 7 8 10.5 11.5 7M3 13.5h10',
  external: 'M9.5 2.5h4v4M13 3 7.5 8.5M11.5 9.5v4h-9v-9h4',
  file: 'M9 1.5H3.5v13h9V5zM9 1.5V5h3.5',
  info: 'M8 7.3V11M8 5v.1M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z',
  keyboard: 'M1.5 4h13v8.5h-13zM4 6.7h.1M6.6 6.7h.1M9.3 6.7h.1M12 6.7h.1M5 10h6',
  link: 'M6.5 9.5a2.8 2.8 0 0 0 4 0l2.2-2.2a2.8 2.8 0 0 0-4-4l-.9.9M9.5 6.5a2.8 2.8 0 0 0-4 0L3.3 8.7a2.8 2.8 0 0 0 4 4l.9-.9',
  minus: 'M3.5 8h9',
  moon: 'M13.2 9.8A5.7 5.7 0 0 1 6.2 2.8a5.7 5.7 0 1 0 7 7Z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'm5 3 8 5-8 5z',
  repeat: 'M12.5 6.5A5 5 0 0 0 3.2 6M3.5 9.5a5 5 0 0 0 9.3.5M3 2.8V6h3.2M13 13.2V10H9.8',
  screen: 'M1.5 2.5h13v8.5h-13zM5.5 13.7h5',
  search: 'M10.7 10.7 14 14M12 7A5 5 0 1 1 2 7a5 5 0 0 1 10 0Z',
  stop: 'M4 4h8v8H4z',
  sun: 'M8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1M11 8a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z',
  trash: 'M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4M6.6 6.7v4M9.4 6.7v4',
  upload: 'M8 10.5V3M4.5 6 8 2.5 11.5 6M3 13.5h10',
  warning: 'M8 6v3.5M8 11.5v.1M8 1.8 14.6 13.5H1.4z',
} as const;

export type IconName = keyof typeof ICON_PATHS;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg className="tf-icon" width={size} height={size} viewBox="0 0 16 16" fill="none" aria-hidden="true">
      <path d={ICON_PATHS[name]} stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
