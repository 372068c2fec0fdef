import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allGroups, coordsOfRank, createMesh, rankAtCoords, ranksOfGroup } from '../../src/ranks/index.ts';

test('the first axis varies fastest, and the order can be given as a text', () => {
  const axes = { dp: 2, tp: 2, pp: 2 };
  const mesh = createMesh(axes, { order: 'tp-dp-pp' });
  assert.deepEqual(coordsOfRank(mesh, 1), { tp: 1, dp: 0, pp: 0 });
  assert.equal(rankAtCoords(mesh, { tp: 1, dp: 0, pp: 1 }), 5);
  assert.deepEqual(coordsOfRank(createMesh(axes), 1), { dp: 1, tp: 0, pp: 0 });
});

test('groups of Megatron meshes: tensor, data and pipeline neighbours', () => {
  const mesh = createMesh({ tp: 2, dp: 2, pp: 2 });
  assert.deepEqual(ranksOfGroup(mesh, 5, 'tp'), [4, 5]);
  assert.deepEqual(ranksOfGroup(mesh, 5, 'dp'), [5, 7]);
  assert.deepEqual(ranksOfGroup(mesh, 5, 'pp'), [1, 5]);
  assert.deepEqual(ranksOfGroup(mesh, 5, ['tp', 'dp']), [4, 5, 6, 7]);
  assert.deepEqual(allGroups(mesh, 'dp'), [
    [0, 2],
    [1, 3],
    [4, 6],
    [5, 7],
  ]);
});

test('coordinates and ranks are inverse, and the groups of any axes are a partition', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), fc.nat(15), (sizes, mask) => {
      const names = sizes.map((_, i) => `a${i}`);
      const mesh = createMesh(Object.fromEntries(names.map((name, i) => [name, sizes[i]!])));
      for (let rank = 0; rank < mesh.numRanks; rank++) assert.equal(rankAtCoords(mesh, coordsOfRank(mesh, rank)), rank);
      const chosen = names.filter((_, i) => mask & (1 << i));
      const members = allGroups(mesh, chosen).flat();
      assert.deepEqual(
        members.toSorted((a, b) => a - b),
        Array.from({ length: mesh.numRanks }, (_, rank) => rank),
      );
    }),
  );
});

test('malformed meshes are refused', () => {
  assert.throws(() => createMesh({ tp: 0 }), {
    message: 'mesh: a size of 1 or more for axis "tp", got 0. TF-RANKS-001',
  });
  assert.throws(() => createMesh({ tp: 2 }, { order: 'tp-dp' }), /each of tp at most once in the order, got "tp-dp"/);
  assert.throws(() => ranksOfGroup(createMesh({ tp: 2 }), 0, 'dp'), /an axis of the mesh \(tp\), got "dp"/);
});
