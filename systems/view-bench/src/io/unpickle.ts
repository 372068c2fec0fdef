/** Data-only unpickler: numbers, strings, lists, tuples, dictionaries and numpy arrays of f64. Nothing is ever imported or run;
 *  any other opcode or global is an error. Source: the pickle protocol as documented by CPython's pickletools. */
import { viewError } from '../view-errors.ts';

export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleArray;

/** A global that only stands for a known constructor. */
interface PickleGlobal {
  readonly kind: 'global';
  readonly name: string;
}

interface PickleArray {
  readonly kind: 'array';
  shape: number[];
  dtype: string;
  values: number[];
}

const MARK = Symbol('mark');
const KNOWN_GLOBALS = new Set([
  'numpy.core.multiarray _reconstruct',
  'numpy._core.multiarray _reconstruct',
  'numpy.core.multiarray scalar',
  'numpy._core.multiarray scalar',
  'numpy ndarray',
  'numpy dtype',
  '_codecs encode',
]);
const DTYPES: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  f8: (view, at) => view.getFloat64(at, true),
  f4: (view, at) => view.getFloat32(at, true),
  i8: (view, at) => Number(view.getBigInt64(at, true)),
  i4: (view, at) => view.getInt32(at, true),
};

/** @returns plain data: arrays become nested lists of numbers @throws TF-VIEW-009 for anything but data */
export function unpickle(bytes: Uint8Array, location: string): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stack: (PickleValue | typeof MARK)[] = [];
  const memo: PickleValue[] = [];
  const text = new TextDecoder('utf-8');
  const latin = new TextDecoder('latin1');
  let at = 0;
  const fail = (expected: string, actual: string): never => {
    throw viewError('TF-VIEW-009', { subject: 'unpickle', expected, actual, location: `${location}: byte ${at}` });
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) fail(`${length} more bytes`, 'the end of the data');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) fail('a line', 'the end of the data');
    const found = latin.decode(bytes.subarray(at, end));
    at = end + 1;
    return found;
  };
  const pop = (): PickleValue => {
    const value = stack.pop();
    if (value === undefined || value === MARK) return fail('a value on the stack', 'none');
    return value as PickleValue;
  };
  const popToMark = (): PickleValue[] => {
    const start = stack.lastIndexOf(MARK);
    if (start < 0) fail('a mark on the stack', 'none');
    const items = stack.splice(start).slice(1);
    return items as PickleValue[];
  };
  const global = (name: string): PickleGlobal => {
    if (!KNOWN_GLOBALS.has(name)) fail('plain data', `the global "${name}", which is not opened`);
    return { kind: 'global', name };
  };
  const uint = (length: number): number => {
    const part = take(length);
    return part.reduceRight((sum, byte) => 256 * sum + byte, 0);
  };
  const call = (callee: PickleValue, args: PickleValue[]): PickleValue => {
    const name = isGlobal(callee) ? callee.name.split(' ')[1] : undefined;
    if (name === '_reconstruct') return { kind: 'array', shape: [], dtype: 'f8', values: [] };
    if (name === 'dtype') return String(args[0]);
    if (name === 'encode') return Uint8Array.from(String(args[0]), (letter) => letter.charCodeAt(0));
    if (name === 'scalar') return numbersFrom(args[1] as Uint8Array, String(args[0]), fail)[0] ?? 0;
    return fail('a numpy constructor', 'a call of something else');
  };
  for (;;) {
    const opcode = take(1)[0]!;
    switch (opcode) {
      case 0x80: // PROTO
        take(1);
        break;
      case 0x95: // FRAME
        take(8);
        break;
      case 0x2e: // STOP
        return plain(pop());
      case 0x28: // MARK
        stack.push(MARK);
        break;
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4b: // BININT1
        stack.push(uint(1));
        break;
      case 0x4d: // BININT2
        stack.push(uint(2));
        break;
      case 0x4a: // BININT
        take(4);
        stack.push(view.getInt32(at - 4, true));
        break;
      case 0x8a: {
        // LONG1
        const length = uint(1);
        const value = uint(length);
        stack.push(length > 0 && bytes[at - 1] >= 128 ? value - 256 ** length : value);
        break;
      }
      case 0x47: // BINFLOAT, big-endian
        take(8);
        stack.push(view.getFloat64(at - 8, false));
        break;
      case 0x49: {
        // INT
        const word = line();
        stack.push(word === '01' ? true : word === '00' ? false : Number(word));
        break;
      }
      case 0x46: // FLOAT
        stack.push(Number(line()));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(text.decode(take(uint(1))));
        break;
      case 0x58: // BINUNICODE
        stack.push(text.decode(take(uint(4))));
        break;
      case 0x43: // SHORT_BINBYTES
      case 0x55: // SHORT_BINSTRING
        stack.push(take(uint(1)).slice());
        break;
      case 0x42: // BINBYTES
      case 0x54: // BINSTRING
        stack.push(take(uint(4)).slice());
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x74: // TUPLE
      case 0x6c: // LIST
        stack.push(popToMark());
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: {
        // TUPLE3
        const items = Array.from({ length: opcode - 0x84 }, pop).toReversed();
        stack.push(items);
        break;
      }
      case 0x61: {
        // APPEND
        const item = pop();
        (stack.at(-1) as PickleValue[]).push(item);
        break;
      }
      case 0x65: {
        // APPENDS
        const items = popToMark();
        (stack.at(-1) as PickleValue[]).push(...items);
        break;
      }
      case 0x73: {
        // SETITEM
        const [value, key] = [pop(), pop()];
        (stack.at(-1) as Map<PickleValue, PickleValue>).set(key, value);
        break;
      }
      case 0x75: {
        // SETITEMS
        const items = popToMark();
        const map = stack.at(-1) as Map<PickleValue, PickleValue>;
        for (let k = 0; k + 1 < items.length; k += 2) map.set(items[k]!, items[k + 1]!);
        break;
      }
      case 0x63: // GLOBAL
        stack.push(global(`${line()} ${line()}`));
        break;
      case 0x93: {
        // STACK_GLOBAL
        const [name, module] = [pop(), pop()];
        stack.push(global(`${String(module)} ${String(name)}`));
        break;
      }
      case 0x52: {
        // REDUCE
        const args = pop() as PickleValue[];
        stack.push(call(pop(), args));
        break;
      }
      case 0x62: // BUILD
        build(stack, pop(), fail);
        break;
      case 0x71: // BINPUT
        memo[uint(1)] = stack.at(-1) as PickleValue;
        break;
      case 0x72: // LONG_BINPUT
        memo[uint(4)] = stack.at(-1) as PickleValue;
        break;
      case 0x94: // MEMOIZE
        memo.push(stack.at(-1) as PickleValue);
        break;
      case 0x68: // BINGET
        stack.push(memo[uint(1)] ?? null);
        break;
      case 0x6a: // LONG_BINGET
        stack.push(memo[uint(4)] ?? null);
        break;
      default:
        fail('an opcode of plain data', `opcode 0x${opcode.toString(16)}`);
    }
  }
}

function isGlobal(value: PickleValue): value is PickleGlobal {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'global';
}

function isArray(value: PickleValue): value is PickleArray {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'array';
}

/** State of a numpy array (version, shape, dtype, isFortran, bytes) or dtype. */
function build(stack: unknown[], state: PickleValue, fail: (expected: string, actual: string) => never): void {
  const target = stack.at(-1) as PickleValue;
  if (typeof target === 'string') {
    // A dtype: its byte order is the second entry.
    if (Array.isArray(state) && state[1] === '>') fail('little-endian numbers', 'big-endian');
    return;
  }
  if (!isArray(target) || !Array.isArray(state)) return fail('the state of a numpy array', 'another object');
  const [, shape, dtype, isFortran, data] = state;
  if (isFortran === true) fail('row-major arrays', 'column-major');
  target.shape = shape as number[];
  target.dtype = String(dtype);
  target.values = numbersFrom(data as Uint8Array, target.dtype, fail);
}

function numbersFrom(data: Uint8Array, dtype: string, fail: (expected: string, actual: string) => never): number[] {
  const name = dtype.replace(/^[<=|]/, '');
  const read = DTYPES[name];
  if (read === undefined || !(data instanceof Uint8Array))
    return fail('numbers of f8, f4, i8 or i4', `dtype "${dtype}"`);
  const size = Number(name[1]);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return Array.from({ length: data.length / size }, (_, k) => read(view, k * size));
}

function plain(value: PickleValue): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]));
  if (!isArray(value)) return value;
  return value.shape.reduceRight<unknown[]>((rows, length, axis) => {
    if (axis === 0) return rows;
    return Array.from({ length: rows.length / Math.max(1, length) }, (_, k) =>
      rows.slice(k * length, (k + 1) * length),
    );
  }, value.values);
}
