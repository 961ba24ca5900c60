// A small venue for the scripted node: instruments, batches, auctions, and one account encrypted as a batch would publish it.

import { BASE8, hash, mod, multiply, permute, TAG } from '../../api/page/crypto.js';
import { accountHash, ACCOUNTS_DEPTH, marketHash, marketsRoot, rootOf } from '../../api/page/leaf.js';
import * as wire from '../../api/page/wire.js';

export const SLOT = 5;
/** The key that opens the account, and one that does not. */
export const KEY = '02f1c3a5978869504132a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6';
export const OTHER_KEY = '0111111111111111111111111111111111111111111111111111111111111111';
const EPHEMERAL = (1n << 249n) + 123_456_789n;
const OWNER = multiply(BASE8, 987_654_321n);
const START = 1_767_427_200; // 2026-01-03 08:00:00
const EXPIRY = 1_774_598_400; // 2026-03-27 08:00:00
const STAGES = wire.STAGES;

const hex = (x) => `0x${x.toString(16).padStart(64, '0')}`;
const words = (point) => ({ x: hex(point.x), y: hex(point.y) });

/** Move of the price in each scenario, in sixths of the scan range of 10 %; extremes at 35 % of twice the range. */
const SIXTHS = [0, 0, 2, 2, -2, -2, 4, 4, -4, -4, 6, 6, -6, -6];

/** Gains of a lot that is worth `worth` at forward `f` (micro-units): `delta` in percent, and a share of vol. */
function risk(f, delta, vega) {
  const range = f / 10;
  const at = (sixths, vol) => String(Math.round((range * sixths * delta) / 600 + vol * vega));
  const normal = SIXTHS.map((sixths, i) => at(sixths, i % 2 ? -1 : 1));
  return [...normal, String(Math.round((range * 2 * delta * 0.35) / 100)), String(Math.round((-range * 2 * delta * 0.35) / 100))];
}

function instruments(round) {
  const out = [];
  const list = (asset, name, kind, mark, delta, vega, extra = {}) => {
    const forward = asset === 'BTC' ? 88_500_000 : 29_400_000; // micro-units a lot
    out.push({
      id: out.length + 1,
      name: `${asset}-${name}`,
      kind,
      underlying: asset === 'BTC' ? 0 : 1,
      asset,
      tick_value: '100',
      expiry: kind === 'perpetual' ? null : EXPIRY,
      strike: null,
      status: 'open',
      mark_time: START + 60 * round,
      mark: mark + 7 * round,
      daily_mark: mark - 40,
      settlement: null,
      index: kind === 'perpetual' ? '-1250' : '0',
      risk: risk(forward, delta, vega),
      charge_long: '12000',
      charge_short: '15000',
      free: 500,
      excess_charge: '90000',
      limit: 100_000,
      fee: '4400',
      band_low: 0,
      band_high: 2_000_000,
      ...extra,
    });
  };
  list('BTC', 'PERP', 'perpetual', 885_302, 100, 0);
  list('BTC', '27MAR26', 'future', 893_417, 100, 0);
  for (const [strike, mark, delta] of [[80_000, 121_405, 74], [90_000, 62_110, 47], [100_000, 26_034, 24]]) {
    list('BTC', `27MAR26-${strike}-C`, 'call', mark, delta, 900_000, { strike: strike * 10 });
    list('BTC', `27MAR26-${strike}-P`, 'put', mark - 20_000 + strike / 10, delta - 100, 900_000, { strike: strike * 10 });
  }
  list('ETH', 'PERP', 'perpetual', 294_011, 100, 0);
  list('ETH', '27MAR26', 'future', 296_800, 100, 0, { status: 'reduce_only' });
  list('ETH', '27MAR26-3000-C', 'call', 21_050, 45, 300_000, { strike: 300_000, status: 'halted' });
  const last = { expiry: START - 86_400, status: 'settled', settlement: '87654321', daily_mark: 876_500 };
  list('BTC', '2JAN26', 'future', 876_543, 100, 0, last);
  return out;
}

/** The account as its owner would draw it up: `[instrument, lots]`, cash in micro-units. */
const HELD = [[1, 40], [4, -25], [9, 120], [12, 3]];
const CASH = -4_000_000_000n;

function leafOf(batch) {
  const viewing = multiply(BASE8, BigInt(`0x${KEY}`));
  const shared = multiply(viewing, EPHEMERAL).x;
  const salt = hash(TAG.salt, [shared, (BigInt(batch) << 24n) + BigInt(SLOT)]);
  const positions = HELD.map(([id, lots]) => ({ id: BigInt(id), lots: BigInt(lots) }));
  // 6,000 USD were deposited; futures are carried at their full value, so cash may well be negative.
  const leaf = { owner: OWNER, viewing, salt, cash: CASH, epoch: 3n, positions, ordersRoot: 77n };
  const leafHash = accountHash(leaf);
  const packed = [0, 1, 2, 3, 4, 5].map((word) =>
    [0, 1, 2].reduce((sum, k) => {
      const held = positions[3 * word + k];
      return held ? sum + ((held.id + (held.lots << 32n)) << BigInt(74 * k)) : sum;
    }, 0n),
  );
  const pad = permute([TAG.pad, shared, leafHash, 0n, 0n, 0n, 0n, 0n, 0n]);
  const plain = [leaf.cash + (leaf.epoch << 107n), leaf.ordersRoot, ...packed];
  return { leafHash, ciphertext: plain.map((word, i) => mod(word + pad[i + 1])) };
}

/** Siblings of our leaf in a tree where only slot 6 stands beside it, and the root. */
function place(leafHash) {
  let empty = 0n;
  const path = [];
  for (let level = 0; level < ACCOUNTS_DEPTH; level++) {
    path.push(level === 0 ? [0n, 4242n, 0n] : [empty, empty, empty]);
    empty = hash(TAG.node, [empty, empty, empty, empty]);
  }
  return { path, root: rootOf(SLOT, leafHash, path) };
}

/** The venue: what the API says of it, and what the script lets happen; `say` tells listeners. */
export function makeVenue() {
  const venue = { say: () => {}, batches: [], auctions: [], round: 1, time: START, tamper: (_, body) => body };
  const account = leafOf(2);
  const { path, root } = place(account.leafHash);

  const marketsRootNow = () => hex(marketsRoot(instruments(venue.round).map((json) => [json.id, marketHash(wire.market(json))])));
  const marks = () => {
    const all = instruments(venue.round);
    return {
      number: venue.round,
      time: START + 60 * venue.round,
      marks: all.map(({ id, mark, mark_time, status }) => ({ instrument: id, mark, mark_time, status })),
    };
  };

  /** A new batch, made now. */
  venue.make = () => {
    const number = venue.batches.length + 1;
    venue.time += 30;
    const moment = { time: venue.time };
    const windows = { window_first: 3 * number - 2, window_last: 3 * number };
    const logs = { log_first: 10 * number - 9, log_last: 10 * number };
    const made = { ...moment };
    venue.batches.push({
      number,
      time: venue.time,
      old_root: number > 1 ? venue.batches[number - 2].new_root : hex(1n),
      new_root: hex(number < 2 ? 99n : root),
      markets_number: venue.round,
      markets_root: marketsRootNow(),
      ...windows,
      log_root: hex(BigInt(number)),
      ...logs,
      deposit_first: 0,
      deposits: number === 1 ? 2 : 0,
      slots: [0, 5, 6, 11],
      stage: 'made',
      stages: { made, proven: null, submitted: null, accepted: null, final: null },
    });
    venue.say({ type: 'batch', number, stage: 'made', moment });
    return number;
  };

  /** The next stage of a batch. */
  venue.next = (number) => {
    const batch = venue.batches[number - 1];
    const stage = STAGES[STAGES.indexOf(batch.stage) + 1];
    venue.time += 14;
    const onChain = STAGES.indexOf(stage) >= 2 ? { tx: hex(BigInt(1000 + number)) } : {};
    const moment = { time: venue.time, ...onChain, ...(STAGES.indexOf(stage) >= 3 ? { block: 40 + number } : {}) };
    batch.stage = stage;
    batch.stages[stage] = moment;
    venue.say({ type: 'batch', number, stage, moment });
    return stage;
  };

  /** The node started again: of a batch that L1 accepted it knows the log's word. */
  venue.restart = (number) => {
    const batch = venue.batches[number - 1];
    batch.stage = 'accepted';
    batch.stages = { ...batch.stages, proven: null, submitted: null, accepted: { time: venue.time }, final: null };
  };

  /** L1 forgot the block that accepted a batch. */
  venue.reorganise = (number) => {
    const batch = venue.batches[number - 1];
    batch.stage = 'submitted';
    batch.stages.accepted = null;
    batch.stages.final = null;
    venue.say({ type: 'batch', number, stage: 'submitted', moment: batch.stages.submitted });
  };

  venue.trade = (instrument, price, lots) => {
    const id = venue.auctions.length + 1;
    const auction = { id, window: 3 * venue.batches.length, instrument, price, lots, batch: venue.batches.length };
    venue.auctions.push(auction);
    venue.say({ type: 'auction', auction });
  };

  venue.mark = () => {
    venue.round += 1;
    const { number, time } = marks();
    venue.say({ type: 'markets', number, time });
  };

  const leaf = () => ({
    slot: SLOT,
    batch: venue.batches.length,
    root: hex(root),
    leaf: hex(account.leafHash),
    path: path.map((siblings) => siblings.map(hex)),
    rewritten: 2,
    ephemeral: words(multiply(BASE8, EPHEMERAL)),
    ciphertext: account.ciphertext.map(hex),
    owner: words(OWNER),
    viewing: words(multiply(BASE8, BigInt(`0x${KEY}`))),
  });

  const about = () => ({
    deployment: hex(4711n),
    chain: 31_337,
    contract: `0x${'c0'.repeat(20)}`,
    collateral: `0x${'da'.repeat(20)}`,
    l1_url: null,
    operator: words(OWNER),
    size: 'demo',
    circuit_version: 1,
    verifying_key: hex(12n),
    lanes: { accounts: 8, orders: 16, rows: 32, slots: 16, clearings: 16, deposits: 4, commands: 4, underlyings: 2 },
    cadence: { window: 5, batch: 30, markets: 60 },
    max_unproven: 4,
    time: venue.time,
  });

  const plain = (url) => {
    const { pathname, searchParams } = new URL(url, 'http://node');
    const limit = Number(searchParams.get('limit') ?? 50);
    if (pathname === '/v1/venue') return about();
    if (pathname === '/v1/batches') return venue.batches.slice(-limit);
    if (pathname === '/v1/instruments') return venue.empty ? [] : instruments(venue.round);
    if (pathname === '/v1/marks') return venue.empty ? { number: 0, time: 0, marks: [] } : marks();
    if (pathname === '/v1/auctions') return venue.auctions.slice(-limit);
    if (pathname === `/v1/accounts/${SLOT}/leaf` && venue.batches.length >= 2) return leaf();
    const batch = venue.batches[Number(/^\/v1\/batches\/(\d+)$/.exec(pathname)?.[1]) - 1];
    return batch && { batch, public_data: [], proof: null };
  };
  venue.answer = (url) => venue.tamper(url, plain(url));
  return venue;
}
