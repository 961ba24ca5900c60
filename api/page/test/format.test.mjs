// Numbers for people: exact, grouped, signed.

import assert from 'node:assert/strict';
import test from 'node:test';
import { cents, date, duration, lots, money, price, short, time } from '../format.js';

const plain = (text) => text.replaceAll('\u202f', ' ').replaceAll('\u2212', '-');

test('money keeps every digit and at least two decimals', () => {
  const cases = [[0n, '0.00'], [1n, '0.000001'], [-1_500_000n, '-1.50'], [1_234_567_890_123n, '1 234 567.890123'], [1_000_000_000n, '1 000.00']];
  for (const [micro, text] of cases) assert.equal(plain(money(micro)), text);
});

test('cents round half away from zero and never show a negative nothing', () => {
  const cases = [[4_999n, '0.00'], [5_000n, '0.01'], [-5_000n, '-0.01'], [-4_999n, '0.00'], [999_995_000n, '1 000.00'], [-123_456_789n, '-123.46']];
  for (const [micro, text] of cases) assert.equal(plain(cents(micro)), text);
});

test('prices have as many decimals as a tick', () => {
  assert.equal(plain(price(885_302n, 100_000n)), '88 530.2');
  assert.equal(plain(price(885_300n, 100_000n)), '88 530.0');
  assert.equal(plain(price(294_005n, 10_000n)), '2 940.05');
  assert.equal(plain(price(12_345n, 1_000_000n)), '12 345');
});

test('lots say their side', () => {
  assert.deepEqual([lots(1_200n), lots(-25n), lots(0n)].map(plain), ['+1 200', '-25', '0']);
});

test('times are UTC, and durations have two parts at most', () => {
  assert.deepEqual([time(1_774_598_400), time(1_774_598_400n), date(1_774_598_400)], ['2026-03-27 08:00:00', '2026-03-27 08:00:00', '2026-03-27']);
  assert.equal(time(1e18), '1000000000000000000');
  assert.deepEqual([-3, 59.4, 60, 3_725, 90_000].map(duration), ['0 s', '59 s', '1 min 00 s', '1 h 02 min', '1 d 1 h']);
});

test('long hashes are cut in the middle, short ones are not', () => {
  assert.equal(short(`0x${'ab'.repeat(32)}`), '0xababab\u2026ababab');
  assert.equal(short('0xabcd'), '0xabcd');
});
