/** Numbers with units as people read them. Percent and units appear only when printed. */
import { baseError } from './base-errors.ts';

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const BYTE_FACTORS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** `64 MiB`; three significant digits. @param bytes non-negative */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : formatSignificant(value, 3)} ${BYTE_UNITS[unit]}`;
}

/** `412 µs`, `3.2 ms`, `1.04 s`, `2 min 5 s`, `1 h 3 min`. @param ms milliseconds */
export function formatDuration(ms: number): string {
  if (ms < 1) return `${formatSignificant(ms * 1e3, 3)} µs`;
  if (ms < 1e3) return `${formatSignificant(ms, 3)} ms`;
  if (ms < 60e3) return `${formatSignificant(ms / 1e3, 3)} s`;
  const seconds = Math.round(ms / 1e3);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** `12,031`. */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en-US');
}

/** `98.6 %` from a ratio in 0..1. */
export function formatPercent(ratio: number, digits = 1): string {
  return `${(ratio * 100).toFixed(digits)} %`;
}

/** Significant digits without exponent in the readable range. */
export function formatSignificant(value: number, digits: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-4)) return value.toExponential(digits - 1);
  return String(Number(value.toPrecision(digits)));
}

/** Bytes from `64MiB`, `2 GB`, `512`. @throws TF-BASE-003 on other text */
export function bytesFromText(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match?.[2]?.toLowerCase();
  const factor = unit === undefined ? undefined : unit === '' ? 1 : BYTE_FACTORS[unit];
  if (!match || factor === undefined) {
    throw baseError('TF-BASE-003', {
      subject: 'bytesFromText',
      expected: 'a size such as 64MiB',
      actual: JSON.stringify(text),
    });
  }
  return Math.round(Number(match[1]) * factor);
}
