// Portfolio margin in exact micro-units: the twin of `novation_state::math`.
//
// Sixteen scenario values per instrument, summed by underlying; the worst sum is the loss, charges cover what scenarios cannot
// see. A holding is `{ lots, market }` with BigInt fields (see `market.js`).

export const SCENARIOS = 16;
const SETTLED = 3n;

const abs = (x) => (x < 0n ? -x : x);
const max = (x, y) => (x > y ? x : y);
const min = (x, y) => (x < y ? x : y);

const sum = (values) => values.reduce((total, value) => total + value, 0n);

/** Worth at the mark; at the settlement value once there is one. */
export function value({ lots, market }) {
  if (market.status === SETTLED) return lots * (market.settlement - market.index);
  return lots * (market.mark * market.tickValue - market.index);
}

/** Worth at the mark of the last daily settlement. */
export function dailyValue({ lots, market }) {
  if (market.status === SETTLED) return value({ lots, market });
  return lots * (market.dailyMark * market.tickValue - market.index);
}

/** Gross charge for the side, and the charge for lots beyond the free ones. */
export function charges({ lots, market }) {
  if (market.status === SETTLED) return 0n;
  const gross = abs(lots) * (lots > 0n ? market.chargeLong : market.chargeShort);
  return gross + max(abs(lots) - market.free, 0n) * market.excessCharge;
}

/**
 * An account's margin requirement by part: `byUnderlying` (ascending), each with the `pnl` of its sixteen scenarios, the `loss`
 * and the `worst` scenario's index (null where none loses); `charges`; `initial`; `maintenance`.
 */
export function margin(holdings) {
  const live = holdings.filter(({ market }) => market.status !== SETTLED);
  const pnl = new Map();
  for (const { lots, market } of live) {
    const sums = pnl.get(market.underlying) ?? new Array(SCENARIOS).fill(0n);
    pnl.set(market.underlying, sums.map((total, s) => total + lots * market.risk[s]));
  }
  const byUnderlying = [...pnl]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([underlying, sums]) => {
      const lowest = sums.reduce(min);
      const loss = max(-lowest, 0n);
      return { underlying, pnl: sums, loss, worst: loss > 0n ? sums.indexOf(lowest) : null };
    });
  const chargesOfAll = sum(live.map(charges));
  const initial = sum(byUnderlying.map(({ loss }) => loss)) + chargesOfAll;
  return { byUnderlying, charges: chargesOfAll, initial, maintenance: (initial * 3n + 3n) / 4n };
}

/** `equity`, `dailyEquity`, `margin`, `withdrawable` (negative if the account owes margin) of cash and holdings. */
export function standing(cash, holdings) {
  const equity = cash + sum(holdings.map(value));
  const dailyEquity = cash + sum(holdings.map(dailyValue));
  const required = margin(holdings);
  return { equity, dailyEquity, margin: required, withdrawable: min(equity, dailyEquity) - required.initial };
}
