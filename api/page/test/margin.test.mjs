// Margin, value and withdrawable against the cases that `state/src/math/margin.rs` states by hand.

import assert from 'node:assert/strict';
import test from 'node:test';
import { charges, dailyValue, margin, SCENARIOS, standing, value } from '../margin.js';

/** A perpetual with tick value 10, mark 100, daily mark 90, no risk and no charges. */
const market = (changes = {}) => ({
  id: 1n,
  name: 'X-PERP',
  kind: 1n,
  underlying: 0n,
  tickValue: 10n,
  status: 0n,
  mark: 100n,
  dailyMark: 90n,
  settlement: 0n,
  index: 0n,
  risk: new Array(SCENARIOS).fill(0n),
  chargeLong: 0n,
  chargeShort: 0n,
  free: (1n << 40n) - 1n,
  excessCharge: 0n,
  ...changes,
});

const risk = (entries) => Array.from({ length: SCENARIOS }, (_, s) => entries[s] ?? 0n);

test('the loss is the worst scenario of the sum, and not the sum of worsts', () => {
  const a = market({ risk: risk({ 0: -50n, 1: 40n }) });
  const b = market({ risk: risk({ 0: 30n, 1: -45n }) });
  const [hedged] = margin([{ lots: 2n, market: a }, { lots: 2n, market: b }]).byUnderlying;
  assert.deepEqual([hedged.loss, hedged.worst], [40n, 0]);
  const apart = margin([{ lots: 2n, market: a }, { lots: 2n, market: { ...b, underlying: 1n } }]);
  assert.deepEqual(apart.byUnderlying.map(({ underlying, loss, worst }) => [underlying, loss, worst]), [[0n, 100n, 0], [1n, 90n, 1]]);
  assert.equal(apart.initial, 190n);
});

test('a portfolio that gains everywhere has no loss and no worst scenario', () => {
  const a = market({ risk: new Array(SCENARIOS).fill(5n) });
  const [{ loss, worst }] = margin([{ lots: 3n, market: a }]).byUnderlying;
  assert.deepEqual([loss, worst], [0n, null]);
  assert.equal(margin([{ lots: -3n, market: a }]).initial, 15n);
});

test('charges depend on the side and on lots beyond the free ones', () => {
  const a = market({ chargeLong: 3n, chargeShort: 5n, excessCharge: 100n, free: 10n });
  const of = (lots) => [charges({ lots, market: a }), margin([{ lots, market: a }]).charges];
  assert.deepEqual([10n, 11n, -10n, -12n].map(of), [[30n, 30n], [133n, 133n], [50n, 50n], [260n, 260n]]);
});

test('maintenance is three quarters, rounded up', () => {
  for (const [initial, maintenance] of [[0n, 0n], [1n, 1n], [2n, 2n], [3n, 3n], [4n, 3n], [5n, 4n], [400n, 300n]]) {
    const held = initial > 0n ? [{ lots: initial, market: market({ chargeLong: 1n }) }] : [];
    const required = margin(held);
    assert.deepEqual([required.initial, required.maintenance], [initial, maintenance]);
  }
});

test('settled lots are worth their settlement value and risk nothing', () => {
  const a = market({ status: 3n, settlement: 777n, index: 7n, risk: risk({ 0: -1_000n }), chargeLong: 9n });
  const held = [{ lots: 2n, market: a }];
  const { equity, dailyEquity, margin: required, withdrawable } = standing(1n, held);
  assert.deepEqual([equity, dailyEquity, required.initial, withdrawable], [1_541n, 1_541n, 0n, 1_541n]);
  assert.deepEqual(required.byUnderlying, []);
});

test('withdrawable takes the lower of both marks and keeps initial margin', () => {
  const a = market({ chargeLong: 6n, chargeShort: 6n });
  const of = (cash, lots) => standing(cash, [{ lots, market: a }]).withdrawable;
  assert.deepEqual([of(0n, 2n), of(3_000n, -2n), of(0n, -2n)], [1_788n, 988n, -2_012n]);
});

test('funding lowers the worth of a lot by the index', () => {
  const held = { lots: -3n, market: market({ index: 50n }) };
  assert.deepEqual([value(held), dailyValue(held)], [-2_850n, -2_550n]);
});

test('sums beyond 64 bits are exact', () => {
  const lots = (1n << 40n) - 1n;
  const entry = -((1n << 56n) - 1n);
  const held = Array.from({ length: 16 }, () => ({ lots, market: market({ risk: new Array(SCENARIOS).fill(entry) }) }));
  assert.equal(margin(held).initial, 16n * lots * -entry);
});
