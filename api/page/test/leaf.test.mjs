// Opening, hashing, paths and margin against what the Rust of `state` says of the same accounts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { BASE8, fieldElement, L, mod, multiply, R } from '../crypto.js';
import { accountHash, marketHash, marketsRoot, openAccount, OpenError, parseViewingKey, rootOf, unpackAccount } from '../leaf.js';
import { standing } from '../margin.js';
import * as wire from '../wire.js';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const { cases } = read('../../../state/tests/vectors/reader.json');

const openError = (code) => (error) => {
  assert.ok(error instanceof OpenError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

test('accounts of the vectors open, and lie under their root', () => {
  assert.equal(cases.length, 4);
  for (const { viewing_key: key, leaf: json, account } of cases) {
    const published = wire.leaf(json);
    const leaf = openAccount(published, parseViewingKey(key));
    assert.deepEqual([leaf.cash, leaf.epoch], [BigInt(account.cash), BigInt(account.epoch)]);
    assert.deepEqual(leaf.viewing, { x: BigInt(json.viewing.x), y: BigInt(json.viewing.y) });
    assert.equal(rootOf(published.slot, accountHash(leaf), published.path), published.root);
    assert.notEqual(rootOf(published.slot ^ 1n, accountHash(leaf), published.path), published.root);
    assert.notEqual(rootOf(published.slot, accountHash({ ...leaf, cash: leaf.cash + 1n }), published.path), published.root);
  }
});

test('the leaf of the signing vectors opens with the viewing key of its seed', () => {
  const { keys, leaf: vector } = read('../../vectors/signing.json');
  const { viewing_key: text, viewing, owner } = keys.find(({ seed }) => seed === vector.seed);
  const point = ({ x, y }) => ({ x: BigInt(x), y: BigInt(y) });
  const key = parseViewingKey(text);
  assert.deepEqual(multiply(BASE8, key), point(viewing));
  const published = {
    batch: BigInt(vector.batch),
    slot: BigInt(vector.account),
    ephemeral: point(vector.r),
    owner: point(owner),
    leafHash: BigInt(vector.hash),
    ciphertext: vector.ciphertext.map(BigInt),
  };
  const leaf = openAccount(published, key);
  assert.deepEqual([leaf.cash, leaf.epoch, leaf.salt, leaf.ordersRoot], [BigInt(vector.cash), BigInt(vector.epoch), BigInt(vector.salt), BigInt(vector.orders_root)]);
  const held = leaf.positions.flatMap((position, place) => (position ? [{ place, instrument: Number(position.id), lots: Number(position.lots) }] : []));
  assert.deepEqual(held, vector.positions);
});

test('equity, margin and withdrawable of the vectors are exact to the micro-unit', () => {
  for (const { viewing_key: key, leaf: json, instruments, account } of cases) {
    const markets = new Map(instruments.map(wire.market).map((market) => [market.id, market]));
    const leaf = openAccount(wire.leaf(json), parseViewingKey(key));
    const holdings = leaf.positions.filter(Boolean).map(({ id, lots }) => ({ lots, market: markets.get(id) }));
    const { equity, dailyEquity, margin, withdrawable } = standing(leaf.cash, holdings);
    const loss = new Array(8).fill('0');
    for (const part of margin.byUnderlying) loss[Number(part.underlying)] = String(part.loss);
    const found = { equity, daily_equity: dailyEquity, charges: margin.charges, initial: margin.initial, maintenance: margin.maintenance, withdrawable };
    const { cash, epoch, loss: expectedLoss, ...expected } = account;
    assert.deepEqual(Object.fromEntries(Object.entries(found).map(([name, value]) => [name, String(value)])), expected);
    assert.deepEqual(loss, expectedLoss);
  }
});

test('instruments of the vectors have their markets root', () => {
  for (const { instruments, markets_root: root } of cases) {
    const leaves = instruments.map(wire.market).map((market) => [market.id, marketHash(market)]);
    assert.equal(marketsRoot(leaves), BigInt(root));
    assert.notEqual(marketsRoot(leaves.slice(1)), BigInt(root));
    const [first, ...rest] = instruments.map(wire.market);
    const changed = { ...first, risk: first.risk.with(15, first.risk[15] + 1n) };
    assert.notEqual(marketsRoot([[first.id, marketHash(changed)], ...leaves.slice(1)]), BigInt(root));
    assert.equal(rest.length, instruments.length - 1);
  }
});

test('another key opens nothing', () => {
  const { leaf, viewing_key: key } = cases[0];
  const other = parseViewingKey(cases[1].viewing_key);
  assert.throws(() => openAccount(wire.leaf(leaf), other), openError('content'));
  assert.throws(() => openAccount(wire.leaf(leaf), parseViewingKey(key) + 1n), openError('content'));
});

test('a leaf that hashes to something else is refused, whatever was changed', () => {
  const { leaf: json, viewing_key } = cases[0];
  const key = parseViewingKey(viewing_key);
  const published = wire.leaf(json);
  const ciphertext = published.ciphertext.with(0, mod(published.ciphertext[0] + 1n));
  for (const change of [{ ciphertext }, { owner: BASE8 }, { batch: published.batch + 1n }, { slot: published.slot + 1n }]) {
    assert.throws(() => openAccount({ ...published, ...change }, key), openError('hash'));
  }
  assert.throws(() => openAccount({ ...published, leafHash: published.leafHash + 1n }, key), openError('content'));
  assert.throws(() => openAccount({ ...published, ciphertext: ciphertext.slice(1) }, key), openError('content'));
});

test('an ephemeral point outside the prime subgroup is refused', () => {
  const published = wire.leaf(cases[0].leaf);
  const key = parseViewingKey(cases[0].viewing_key);
  const { x, y } = published.ephemeral;
  // -(x, y) of the other coset: adding the point of order 2 negates both coordinates.
  const shifted = { x: mod(-x), y: mod(-y) };
  for (const ephemeral of [shifted, { x: y, y: x }]) {
    assert.throws(() => openAccount({ ...published, ephemeral }, key), openError('ephemeral'));
  }
});

test('viewing keys are 64 hex digits of a number from 1 to l - 1', () => {
  const hex = (x) => x.toString(16).padStart(64, '0');
  assert.equal(parseViewingKey(` 0x${hex(L - 1n)}\n`), L - 1n);
  assert.equal(parseViewingKey(hex(1n).toUpperCase()), 1n);
  for (const text of ['', '12', `${hex(1n)}0`, `g${hex(1n).slice(1)}`, hex(0n), hex(L)]) {
    assert.throws(() => parseViewingKey(text), openError('key'));
  }
  // A mistyped key must not come back in a message.
  const secret = `${hex(L - 5n).slice(0, 63)}z`;
  assert.throws(() => parseViewingKey(secret), (error) => !error.message.includes(secret.slice(0, 8)));
});

test('plaintext words that no leaf packs to are refused', () => {
  const words = new Array(8).fill(0n);
  assert.deepEqual(unpackAccount(words), { cash: 0n, epoch: 0n, ordersRoot: 0n, positions: new Array(16).fill(null) });
  const bad = [
    [0, 1n << 106n], // cash beyond its bound
    [0, 1n << 139n], // more than cash and epoch
    [2, 5n], // an instrument without lots
    [2, 1n << 32n], // lots of no instrument
    [2, (1n << 20n) + (1n << 32n)], // an instrument beyond the tree
    [2, 1n + (1n << 72n)], // lots beyond their bound
    [7, 1n + (1n << 32n) + (1n << 80n)], // a seventeenth position
  ];
  for (const [place, word] of bad) assert.throws(() => unpackAccount(words.with(place, word)), openError('content'), `word ${place}: ${word}`);
  assert.equal(unpackAccount(words.with(0, mod(-1n))).cash, -1n);
  assert.deepEqual(unpackAccount(words.with(2, mod(9n - (77n << 32n)))).positions[0], { id: 9n, lots: -77n });
});

test('field elements have one spelling, below r', () => {
  const hex = (x) => `0x${x.toString(16).padStart(64, '0')}`;
  assert.equal(fieldElement(hex(R - 1n), 'root'), R - 1n);
  for (const text of [hex(R), hex(1n).slice(2), '0x1', null]) {
    assert.throws(() => fieldElement(text, 'root'), new RangeError('root is not a field element'));
  }
});

test('an enumeration that is unknown is refused by name', () => {
  const json = { ...cases[0].instruments[0], status: 'melted' };
  assert.throws(() => wire.market(json), new RangeError('the status `melted` is unknown to this page: load it again'));
});

test('the shared secret is the same from both sides', () => {
  const [e, v] = [123_456_789n, 987_654_321n];
  assert.deepEqual(multiply(multiply(BASE8, e), v), multiply(multiply(BASE8, v), e));
});
