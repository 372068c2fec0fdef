export * from './data-errors.ts';
export * from './file-sink.ts';
export * from './file-source.ts';
export * from './memory-source.ts';
export { type SafetensorsEntry } from './safetensors-format.ts';
export { openSafetensors, readSafetensors, type SafetensorsReader } from './safetensors-reader.ts';
export * from './safetensors-writer.ts';
export * from './types.ts';
