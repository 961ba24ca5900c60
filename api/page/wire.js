// From the JSON of the API to exact values. The only file that knows the names of its fields.
//
// A market becomes `{ id, name, kind, underlying, tickValue, tickMicro, expiry, strike, status, markTime, mark, dailyMark, settlement,
// index, risk, chargeLong, chargeShort, free, excessCharge, limit, fee, bandLow, bandHigh }`, all BigInt but the name: the
// fields of `novation_state::leaf::MarketLeaf` with their numbers.

import { fieldElement } from './crypto.js';

const KINDS = ['future', 'perpetual', 'call', 'put'];
const STATUSES = ['open', 'reduce_only', 'halted', 'settled'];
/** The expiry of what never expires. */
export const NEVER = (1n << 40n) - 1n;

/** Micro-units of one tick of one coin's price (`novation::instrument::Asset`); other underlyings are shown in ticks. */
const TICK_MICRO = { BTC: 100_000n, ETH: 10_000n };
/** A price shown in ticks: one micro-unit times a million is one. */
const PLAIN_TICK = 1_000_000n;

/** The stages of a batch, in order. */
export const STAGES = ['made', 'proven', 'submitted', 'accepted', 'final'];

function numbered(names, name, what) {
  const place = names.indexOf(name);
  if (place < 0) throw new RangeError(`${what} \`${name}\` is unknown to this page: load it again`);
  return BigInt(place);
}

/** An instrument of `/v1/instruments`. */
export function market(json) {
  return {
    id: BigInt(json.id),
    name: json.name,
    kind: numbered(KINDS, json.kind, 'the kind'),
    underlying: BigInt(json.underlying),
    tickValue: BigInt(json.tick_value),
    tickMicro: TICK_MICRO[json.asset] ?? PLAIN_TICK,
    expiry: json.expiry === null ? NEVER : BigInt(json.expiry),
    strike: BigInt(json.strike ?? 0),
    status: numbered(STATUSES, json.status, 'the status'),
    markTime: BigInt(json.mark_time),
    mark: BigInt(json.mark),
    dailyMark: BigInt(json.daily_mark),
    settlement: BigInt(json.settlement ?? 0),
    index: BigInt(json.index),
    risk: json.risk.map(BigInt),
    chargeLong: BigInt(json.charge_long),
    chargeShort: BigInt(json.charge_short),
    free: BigInt(json.free),
    excessCharge: BigInt(json.excess_charge),
    limit: BigInt(json.limit),
    fee: BigInt(json.fee),
    bandLow: BigInt(json.band_low),
    bandHigh: BigInt(json.band_high),
  };
}

const point = (json, what) => ({ x: fieldElement(json.x, `${what}.x`), y: fieldElement(json.y, `${what}.y`) });

/** A leaf of `/v1/accounts/{slot}/leaf`: what `openAccount` takes, and its path to the root. */
export function leaf(json) {
  return {
    slot: BigInt(json.slot),
    batch: BigInt(json.rewritten),
    ephemeral: point(json.ephemeral, 'ephemeral'),
    owner: point(json.owner, 'owner'),
    leafHash: fieldElement(json.leaf, 'leaf'),
    ciphertext: json.ciphertext.map((word, i) => fieldElement(word, `ciphertext[${i}]`)),
    path: json.path.map((siblings, level) => siblings.map((word) => fieldElement(word, `path[${level}]`))),
    root: fieldElement(json.root, 'root'),
    rootBatch: json.batch,
  };
}
