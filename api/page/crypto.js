// The arithmetic that opens an account: the BN254 scalar field, Poseidon, BabyJubJub.
//
// Everything is BigInt and nothing is fetched: Poseidon's constants are computed here by the Grain LFSR of its paper, so a
// reader need not trust a table. Not constant-time: nobody else measures a browser tab's time at home, and no key signs here.
//
// Sources: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon" (USENIX Security 2021), appendix E (LFSR) and
// section 4.2 (matrix); ERC-2494 (curve); Bernstein, Birkner, Joye, Lange, Peters, "Twisted Edwards Curves" (addition).

/** The field's modulus r: the order of BN254's groups. */
export const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
/** The order l of BabyJubJub's prime subgroup. */
export const L = 2736030358979909402780800718157159386076813972158567259200215660948447373041n;

/** Domain tags: the first element of Poseidon's state (`novation_state::tags`). */
export const TAG = Object.freeze({ node: 1n, account: 2n, positions: 3n, market: 6n, salt: 8n, pad: 9n });

/** The representative in [0, r) of an integer of either sign. */
export function mod(x) {
  const y = x % R;
  return y < 0n ? y + R : y;
}

/** x^n modulo r, for n >= 0. */
export function pow(x, n) {
  let out = 1n;
  for (let base = mod(x), rest = n; rest > 0n; rest >>= 1n, base = (base * base) % R) {
    if (rest & 1n) out = (out * base) % R;
  }
  return out;
}

/** The inverse modulo r of x, which must not be a multiple of r (by Fermat's little theorem). */
export function inverse(x) {
  if (mod(x) === 0n) throw new RangeError('zero has no inverse');
  return pow(x, R - 2n);
}

/** The integer of least magnitude that stands for a field element: negative numbers count down from r. */
export function signed(x) {
  return x > R / 2n ? x - R : x;
}

/** A field element of `0x` and 64 hex digits; `what` names it in the error. */
export function fieldElement(text, what) {
  const value = /^0x[0-9a-f]{64}$/i.test(text) ? BigInt(text) : R;
  if (value >= R) throw new RangeError(`${what} is not a field element`);
  return value;
}

// ---- Poseidon ----

const FULL_ROUNDS = 8;
/** Partial rounds for widths 2 to 17, circomlib's choice. */
const PARTIAL_ROUNDS = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];
const FIELD_BITS = 254;

/** The bits of Poseidon's Grain LFSR: a register of 80, started with the instance's description. */
function* grain(width, partialRounds) {
  const state = new Uint8Array(80);
  let at = 0;
  const put = (value, bits) => {
    for (let i = bits - 1; i >= 0; i--) state[at++] = (value >> i) & 1;
  };
  put(1, 2); // a prime field
  put(0, 4); // S-box x^a
  put(FIELD_BITS, 12);
  put(width, 12);
  put(FULL_ROUNDS, 10);
  put(partialRounds, 10);
  while (at < 80) state[at++] = 1;

  // `at` points at the oldest bit from here on; the new one takes its place.
  at = 0;
  const tap = (i) => state[(at + i) % 80];
  const clock = () => {
    const bit = tap(62) ^ tap(51) ^ tap(38) ^ tap(23) ^ tap(13) ^ tap(0);
    state[at] = bit;
    at = (at + 1) % 80;
    return bit;
  };
  for (let i = 0; i < 160; i++) clock();
  for (;;) {
    // Bits come in pairs: the first says whether the second counts.
    const keep = clock();
    const bit = clock();
    if (keep) yield bit;
  }
}

function constants(width) {
  const partialRounds = PARTIAL_ROUNDS[width - 2];
  const bits = grain(width, partialRounds);
  const number = () => {
    let hex = '';
    // 254 bits, most significant first: two zeros in front make whole digits.
    for (let digit = 0, i = 2; i < FIELD_BITS + 2; i++) {
      digit = (digit << 1) | bits.next().value;
      if (i % 4 === 3) {
        hex += digit.toString(16);
        digit = 0;
      }
    }
    return BigInt(`0x${hex}`);
  };
  const below = () => {
    for (;;) {
      const x = number();
      if (x < R) return x;
    }
  };
  const rows = (count, cell) => Array.from({ length: count }, () => Array.from({ length: width }, cell));
  const ark = rows(FULL_ROUNDS + partialRounds, below);
  // A Cauchy matrix; its numbers are reduced, not drawn again.
  const [xs, ys] = rows(2, () => number() % R);
  const mds = invertAll(xs.flatMap((x) => ys.map((y) => mod(x + y))));
  return { partialRounds, ark, mds: xs.map((_, i) => mds.slice(i * width, (i + 1) * width)) };
}

/** Inverses of many by one inversion (Montgomery). */
function invertAll(values) {
  const before = [];
  let product = 1n;
  for (const value of values) {
    before.push(product);
    product = (product * value) % R;
  }
  let rest = inverse(product);
  const out = new Array(values.length);
  for (let i = values.length - 1; i >= 0; i--) {
    out[i] = (rest * before[i]) % R;
    rest = (rest * values[i]) % R;
  }
  return out;
}

const made = new Map();

/** The permutation of a state of 2 to 17 elements; gives a new one. */
export function permute(input) {
  const width = input.length;
  if (width < 2 || width > 17) throw new RangeError(`poseidon has widths 2 to 17, not ${width}`);
  if (!made.has(width)) made.set(width, constants(width));
  const { partialRounds, ark, mds } = made.get(width);
  const half = FULL_ROUNDS / 2;
  let state = input;
  ark.forEach((row, round) => {
    const partial = round >= half && round < half + partialRounds;
    const mixed = state.map((x, i) => {
      const y = x + row[i];
      if (partial && i > 0) return y;
      const y2 = (y * y) % R;
      return (((y2 * y2) % R) * y) % R;
    });
    state = mds.map((line) => {
      let sum = 0n;
      for (let i = 0; i < width; i++) sum += line[i] * mixed[i];
      return sum % R;
    });
  });
  return state;
}

/** Poseidon of 1 to 16 inputs under a capacity (domain tag; 0 is plain circomlib). */
export function hash(capacity, inputs) {
  return permute([capacity, ...inputs])[0];
}

// ---- BabyJubJub: a x^2 + y^2 = 1 + d x^2 y^2 ----

const A = 168700n;
const D = 168696n;

/** circomlib's `Base8`: generates the prime subgroup. */
export const BASE8 = Object.freeze({
  x: 5299619240641551281634865583518297030282874472190772894086521144482721001553n,
  y: 16950150798460657717958625567821834550301663161624707787222815936182638968203n,
});

/** Whether the curve equation holds. */
export function onCurve({ x, y }) {
  const x2 = (x * x) % R;
  const y2 = (y * y) % R;
  return mod(A * x2 + y2 - 1n - D * ((x2 * y2) % R)) === 0n;
}

/** k times a point, k >= 0 a plain integer. a is a square and d is not, so one addition law serves every pair. */
export function multiply(point, k) {
  let sum = { x: 0n, y: 1n, z: 1n };
  let power = { x: point.x, y: point.y, z: 1n };
  for (let rest = k; rest > 0n; rest >>= 1n) {
    if (rest & 1n) sum = add(sum, power);
    power = add(power, power);
  }
  const z = inverse(sum.z);
  return { x: mod(sum.x * z), y: mod(sum.y * z) };
}

/** The projective addition law of twisted Edwards curves (add-2008-bbjlp). */
function add(p, q) {
  const zz = (p.z * q.z) % R;
  const z4 = (zz * zz) % R;
  const xx = (p.x * q.x) % R;
  const yy = (p.y * q.y) % R;
  const e = (((D * xx) % R) * yy) % R;
  const f = z4 - e;
  const g = z4 + e;
  const cross = ((p.x + p.y) * (q.x + q.y) - xx - yy) % R;
  return {
    x: (((zz * f) % R) * cross) % R,
    y: (((zz * g) % R) * (yy - A * xx)) % R,
    z: (f * g) % R,
  };
}

/** Whether the point is on the curve and of the prime subgroup (its identity included). */
export function inSubgroup(point) {
  if (!onCurve(point)) return false;
  const { x, y } = multiply(point, L);
  return x === 0n && y === 1n;
}
