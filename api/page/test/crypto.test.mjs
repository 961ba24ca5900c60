// The arithmetic against the repository's vectors of circomlibjs and of the published test suites.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { BASE8, hash, inSubgroup, inverse, L, mod, multiply, onCurve, permute, R, signed } from '../crypto.js';

const vectors = (name) =>
  JSON.parse(readFileSync(new URL(`../../../state/tests/vectors/${name}`, import.meta.url), 'utf8'));

test('poseidon equals circomlibjs at every width', () => {
  const { vectors: all } = vectors('poseidon_circomlibjs.json');
  assert.equal(all.length, 64);
  for (const { inputs, hash: expected } of all) {
    assert.equal(hash(0n, inputs.map(BigInt)), BigInt(expected), JSON.stringify(inputs));
  }
});

test('poseidon equals the published answers', () => {
  const file = vectors('poseidon_published.json');
  assert.ok(file.hash.length > 3);
  for (const { inputs, hash: expected } of file.hash) assert.equal(hash(0n, inputs.map(BigInt)), BigInt(expected));
  const outputs = file.permutation_outputs_t3_inputs_1_2.map(BigInt);
  assert.deepEqual(permute([0n, 1n, 2n]).slice(0, outputs.length), outputs);
});

test('a capacity separates domains, and a width outside the table is refused', () => {
  assert.notEqual(hash(1n, [1n, 2n]), hash(0n, [1n, 2n]));
  assert.throws(() => permute([0n]), new RangeError('poseidon has widths 2 to 17, not 1'));
  assert.throws(() => hash(0n, new Array(17).fill(0n)), new RangeError('poseidon has widths 2 to 17, not 18'));
});

test('multiples of the base point equal circomlibjs', () => {
  const file = vectors('babyjub_mul_base8.json');
  assert.deepEqual(file.Base8.map(BigInt), [BASE8.x, BASE8.y]);
  assert.equal(BigInt(file.subOrder), L);
  assert.equal(file.mul.length, 40);
  for (const { k, x, y } of file.mul) {
    assert.deepEqual(multiply(BASE8, BigInt(k)), { x: BigInt(x), y: BigInt(y) }, k);
  }
});

test('the subgroup is told from the curve, and the curve from the plane', () => {
  assert.ok(inSubgroup(BASE8));
  const low = { x: 0n, y: R - 1n }; // of order 2
  assert.ok(onCurve(low));
  assert.ok(!inSubgroup(low));
  assert.ok(!onCurve({ x: BASE8.x, y: BASE8.x }));
  assert.ok(!inSubgroup({ x: BASE8.x, y: BASE8.x }));
});

test('field helpers at their edges', () => {
  assert.equal(mod(-1n), R - 1n);
  assert.equal(signed(R - 5n), -5n);
  assert.equal(signed((R - 1n) / 2n), (R - 1n) / 2n);
  assert.equal(signed((R + 1n) / 2n), -(R - 1n) / 2n);
  assert.equal(mod(inverse(12345n) * 12345n), 1n);
  assert.throws(() => inverse(R), new RangeError('zero has no inverse'));
});
