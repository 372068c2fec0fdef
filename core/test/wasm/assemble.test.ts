import assert from 'node:assert/strict';
import test from 'node:test';
import {
  advance,
  after,
  assembleModule,
  block,
  branch,
  branchIf,
  f64,
  i32,
  local,
  locals,
  loop,
  repeatWhile,
  sequence,
  set,
  tee,
  when,
  type MemoryImport,
  type WasmFunction,
} from '../../src/wasm/index.ts';

const HOST: MemoryImport = { module: 'host', name: 'memory' };
type Exports = Readonly<Record<string, (...args: number[]) => number>>;

function instantiate(functions: readonly WasmFunction[], memory = new WebAssembly.Memory({ initial: 1 })): Exports {
  const bytes = assembleModule({ memory: HOST, functions });
  assert.ok(WebAssembly.validate(bytes));
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: { memory } }).exports as Exports;
}

test('a loop over imported memory sums what stands there', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const numbers = new Int32Array(memory.buffer, 0, 100).map((_, i) => i * i - 500);
  new Int32Array(memory.buffer).set(numbers);
  const params = locals('i32', 2);
  const [at, end] = params;
  const sum = local('i32');
  const body = repeatWhile(i32.ltU(at, end), set(sum, i32.add(sum, i32.load(at))), advance(at, 4));
  const { total } = instantiate([{ name: 'total', params, locals: [sum], body: [body], result: sum }], memory);
  assert.equal(
    total(0, 400),
    numbers.reduce((a, b) => a + b),
  );
  assert.equal(total(40, 44), numbers[10]);
});

test('a block is left and a loop gone back to by depth', () => {
  const n = local('i32');
  const [count, product] = locals('i32', 2);
  const body = [
    set(product, i32.const(1)),
    block(loop(branchIf(i32.geU(count, n), 1), advance(count, 1), set(product, i32.mul(product, count)), branch(0))),
  ];
  const { factorial } = instantiate([
    { name: 'factorial', params: [n], locals: [count, product], body, result: product },
  ]);
  assert.deepEqual(
    [0, 1, 5, 10].map((value) => factorial(value)),
    [1, 1, 120, 3_628_800],
  );
});

test('conditions, tee and statements within an expression keep the order of the stack', () => {
  const x = local('f64');
  const y = local('f64');
  const root = after([set(y, f64.mul(x, x))], f64.sqrt(f64.add(y, tee(y, f64.const(1)))));
  const body = [when(f64.lt(x, f64.const(0)), sequence(set(x, f64.const(0))))];
  const { run } = instantiate([{ name: 'run', params: [x], locals: [y], body, result: f64.add(root, y) }]);
  assert.equal(run(3), Math.sqrt(10) + 1);
  assert.equal(run(-3), 2);
});

test('locals keep their places beyond 127 and through changes of type', () => {
  const many = Array.from({ length: 200 }, (_, i) => local(i % 3 === 0 ? 'f64' : 'i32'));
  const input = local('f64');
  const last = many[198] as ReturnType<typeof local<'f64'>>;
  const body = [set(last, f64.mul(input, f64.const(2)))];
  const { run } = instantiate([{ name: 'run', params: [input], locals: many, body, result: last }]);
  assert.equal(run(1.25), 2.5);
});

test('one shared memory serves two instances, and a memory that is not shared is refused', () => {
  const address = local('i32');
  const memoryImport: MemoryImport = { ...HOST, minPages: 1, sharedMaxPages: 300 };
  const module = new WebAssembly.Module(
    assembleModule({
      memory: memoryImport,
      functions: [
        { name: 'put', params: [address], body: [i32.store(address, i32.const(77))] },
        { name: 'take', params: [address], body: [], result: i32.load(address) },
      ],
    }),
  );
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 300, shared: true });
  const open = (): Exports => new WebAssembly.Instance(module, { host: { memory } }).exports as Exports;
  open().put(8);
  assert.equal(open().take(8), 77);
  const own = new WebAssembly.Memory({ initial: 1, maximum: 300 });
  assert.throws(() => new WebAssembly.Instance(module, { host: { memory: own } }), WebAssembly.LinkError);
});

test('a local that the function does not list, or lists twice, is refused by the name of the function', () => {
  const [x, stranger] = locals('i32', 2);
  const functions = [{ name: 'run', params: [x], body: [set(x, stranger)] }];
  assert.throws(() => assembleModule({ memory: HOST, functions }), {
    message:
      'assembleModule: params and locals must list all that the body names, got one of type i32 outside the list (function "run"). TF-WASM-002',
  });
  assert.throws(
    () => assembleModule({ memory: HOST, functions: [{ name: 'run', params: [x], locals: [x], body: [] }] }),
    {
      message:
        'assembleModule: params and locals must list each once, got 1 listed again (function "run"). TF-WASM-002',
    },
  );
  assert.throws(() => assembleModule({ memory: { ...HOST, minPages: 0.5 }, functions: [] }), { code: 'TF-WASM-001' });
});
