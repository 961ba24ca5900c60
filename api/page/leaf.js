// Account leaves, opened from public data with a viewing key; leaf hashes and tree paths, computed again.
//
// A batch publishes R = e*B and, for an account of viewing key V = v*B, words encrypted under the secret e*V = v*R. Whoever
// holds v opens them; nobody has to be believed, because the leaf that comes out must hash to the published leaf hash.
// The twin of `novation_state::{leaf, seal, tree}`.

import { BASE8, hash, inSubgroup, L, mod, multiply, permute, R, signed, TAG } from './crypto.js';

/** Places for positions in a leaf, hashed in chunks of 16; the ciphertext holds the first chunk. */
export const POSITIONS = 64;
const CHUNK = 16;
const CIPHERTEXT_WORDS = 8;
const CASH_BITS = 106n;
const LOTS_BITS = 40n;
const INSTRUMENT_BITS = 20n;
const INSTRUMENT_WORD_BITS = 32n;
const POSITION_WORD_BITS = 74n;
const SLOT_BITS = 24n;
/** Spacing of signed fields of 57 bits in a market word. */
const SIGNED_SPACING = 58n;

/** Levels of the accounts tree and of the markets tree; every node has four children. */
export const ACCOUNTS_DEPTH = 12;
export const MARKETS_DEPTH = 10;

/**
 * Why a leaf does not open. `code` is `key` (not 64 hex digits of a number from 1 to l - 1), `ephemeral` (R is no point of the
 * subgroup), `slot` (what came is of another slot), `content` (the decrypted words are no leaf) or `hash` (the leaf's hash is
 * another).
 */
export class OpenError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The viewing key v of 64 hex digits, most significant first, with or without 0x. */
export function parseViewingKey(text) {
  const digits = text.trim().replace(/^0x/i, '');
  if (!/^[0-9a-f]{64}$/i.test(digits)) {
    throw new OpenError('key', `A viewing key has 64 hex digits (0-9, a-f), not ${describe(digits)}.`);
  }
  const key = BigInt(`0x${digits}`);
  if (key === 0n || key >= L) {
    throw new OpenError('key', 'This number is no viewing key: it is zero, or not below the order of the curve\'s subgroup.');
  }
  return key;
}

// Never the text itself: an error message may be copied into a ticket, and part of a key is part of a secret.
function describe(digits) {
  return /^[0-9a-f]*$/i.test(digits) ? `${digits.length}` : 'other signs';
}

/** The four children's parent. */
function node(children) {
  return hash(TAG.node, children);
}

/** The root that `leaf` at `index` has under a path of three siblings a level, lowest first. */
export function rootOf(index, leaf, path) {
  let child = leaf;
  let rest = BigInt(index);
  for (const siblings of path) {
    const children = [...siblings];
    children.splice(Number(rest & 3n), 0, child);
    child = node(children);
    rest >>= 2n;
  }
  return child;
}

/** The root of the markets tree with these leaf hashes, `[[id, hash], ...]`, and 0 everywhere else. */
export function marketsRoot(leaves) {
  let level = new Map(leaves.map(([id, leaf]) => [Number(id), leaf]));
  let empty = 0n;
  for (let depth = 0; depth < MARKETS_DEPTH; depth++) {
    const parents = new Map();
    for (const index of level.keys()) {
      const parent = index >> 2;
      if (parents.has(parent)) continue;
      parents.set(parent, node([0, 1, 2, 3].map((k) => level.get(4 * parent + k) ?? empty)));
    }
    level = parents;
    empty = node([empty, empty, empty, empty]);
  }
  return level.get(0) ?? empty;
}

/** Packs `[value, bits]` pairs, least significant first; negative values borrow from those above. */
function pack(fields) {
  let word = 0n;
  let shift = 0n;
  for (const [value, bits] of fields) {
    word += value << shift;
    shift += BigInt(bits);
  }
  return mod(word);
}

/** The hash of a market leaf (see `market.js` for its fields). */
export function marketHash(m) {
  const risk = (i) => pack(m.risk.slice(4 * i, 4 * i + 4).map((entry) => [entry, SIGNED_SPACING]));
  const terms = [
    [m.kind, 2],
    [m.underlying, 3],
    [m.tickValue, 24],
    [m.expiry, 40],
    [m.strike, 40],
    [m.status, 2],
    [m.markTime, 40],
    [m.mark, 32],
    [m.dailyMark, 32],
  ];
  const values = [
    [m.settlement, SIGNED_SPACING],
    [m.index, SIGNED_SPACING],
    [m.chargeLong, 56],
    [m.chargeShort, 56],
  ];
  const limits = [
    [m.free, 40],
    [m.limit, 40],
    [m.fee, 32],
    [m.bandLow, 32],
    [m.bandHigh, 32],
    [m.excessCharge, 56],
  ];
  return hash(TAG.market, [pack(terms), pack(values), pack(limits), risk(0), risk(1), risk(2), risk(3)]);
}

/** `id + lots * 2^32`; 0 for an empty place. */
function positionWord({ id, lots }) {
  return mod(id + (lots << INSTRUMENT_WORD_BITS));
}

/** The hash of an account leaf: owner, viewing, salt, cash, epoch, positions, ordersRoot. */
export function accountHash(leaf) {
  const chunks = [0, 1, 2, 3].map((i) => {
    const words = Array.from({ length: CHUNK }, (_, k) => {
      const position = leaf.positions[i * CHUNK + k];
      return position ? positionWord(position) : 0n;
    });
    return hash(TAG.positions, words);
  });
  const { owner, viewing, salt, cash, epoch, ordersRoot } = leaf;
  const words = [owner.x, owner.y, viewing.x, viewing.y, salt, mod(cash), epoch, ...chunks, ordersRoot];
  return hash(TAG.account, words);
}

/** Takes packed fields off a word, least significant first. */
class Fields {
  constructor(word) {
    this.rest = signed(word);
  }

  next(bits) {
    const low = BigInt.asUintN(Number(bits), this.rest);
    this.rest = (this.rest - low) >> bits;
    return low;
  }

  nextSigned(bits) {
    const low = BigInt.asIntN(Number(bits), this.rest);
    this.rest = (this.rest - low) >> bits;
    return low;
  }
}

function inRange(value, bits, what) {
  if (value >= 1n << bits || value <= -(1n << bits)) throw new OpenError('content', `${what} is out of range`);
  return value;
}

/** What an account's plaintext says; throws OpenError `content` for words that no leaf packs to. */
export function unpackAccount(words) {
  const first = new Fields(words[0]);
  const cash = inRange(first.nextSigned(CASH_BITS + 1n), CASH_BITS, 'cash');
  const epoch = first.next(32n);
  if (first.rest !== 0n) throw new OpenError('content', 'the cash word holds more than cash and epoch');
  const positions = [];
  for (let k = 0; k < CHUNK; k += 3) {
    const fields = new Fields(words[2 + k / 3]);
    for (let place = k; place < Math.min(k + 3, CHUNK); place++) {
      const word = fields.nextSigned(POSITION_WORD_BITS);
      const id = BigInt.asUintN(32, word);
      const lots = inRange((word - id) >> INSTRUMENT_WORD_BITS, LOTS_BITS, 'a position');
      inRange(id, INSTRUMENT_BITS, 'an instrument');
      if ((id === 0n) !== (lots === 0n)) throw new OpenError('content', 'a position has an instrument without lots, or lots of none');
      positions.push(id === 0n ? null : { id, lots });
    }
    if (fields.rest !== 0n) throw new OpenError('content', 'a word holds more than its positions');
  }
  return { cash, epoch, ordersRoot: words[1], positions };
}

/**
 * Opens a published leaf: `{ batch, slot, ephemeral, owner, leafHash, ciphertext }`, numbers as BigInt.
 *
 * Gives the leaf only after it hashed to `leafHash`; throws OpenError otherwise.
 */
export function openAccount(published, key) {
  const { batch, slot, ephemeral, owner, leafHash, ciphertext } = published;
  if (ciphertext.length !== CIPHERTEXT_WORDS) {
    throw new OpenError('content', `a ciphertext has ${CIPHERTEXT_WORDS} words, not ${ciphertext.length}`);
  }
  // Another point than one of the subgroup would make v*R tell v modulo 8, were the result ever shown.
  if (!inSubgroup(ephemeral)) throw new OpenError('ephemeral', 'the batch\'s ephemeral point is not in the prime subgroup');
  const shared = multiply(ephemeral, key).x;
  const pad = permute([TAG.pad, shared, leafHash, 0n, 0n, 0n, 0n, 0n, 0n]);
  const content = unpackAccount(ciphertext.map((word, i) => mod(word - pad[i + 1])));
  const salt = hash(TAG.salt, [shared, (BigInt(batch) << SLOT_BITS) + BigInt(slot)]);
  const leaf = { owner, viewing: multiply(BASE8, key), salt, ...content };
  if (accountHash(leaf) !== leafHash) throw new OpenError('hash', 'the opened leaf hashes to something else than was published');
  return leaf;
}
