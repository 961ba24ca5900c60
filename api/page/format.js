// Exact integers into text for people. Nothing is rounded before it gets here, and nothing is a float.

const MICRO_DECIMALS = 6;

/** Groups a string of digits by three, with a thin space (SI). */
const group = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, '\u202f');

/** An integer over 10^decimals, as a decimal number with at least `least` decimals and no further zeros at the end. */
export function decimal(value, decimals, least = 0) {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, '0');
  const cut = digits.length - decimals;
  let fraction = digits.slice(cut).replace(/0+$/, '');
  fraction = fraction.padEnd(least, '0');
  const sign = value < 0n ? '\u2212' : '';
  return `${sign}${group(digits.slice(0, cut))}${fraction ? `.${fraction}` : ''}`;
}

/** Micro-units, exact: at least two decimals. */
export const money = (micro) => decimal(micro, MICRO_DECIMALS, 2);

/** Micro-units to the cent, half away from zero: for pictures and tables, where the exact number stands in the title. */
export function cents(micro) {
  const half = micro < 0n ? -5_000n : 5_000n;
  const whole = (micro + half) / 10_000n;
  const digits = (whole < 0n ? -whole : whole).toString().padStart(3, '0');
  const sign = whole < 0n ? '\u2212' : '';
  return `${sign}${group(digits.slice(0, -2))}.${digits.slice(-2)}`;
}

/** Signed lots: a plus says long. */
export function lots(value) {
  const text = decimal(value, 0);
  return value > 0n ? `+${text}` : text;
}

/** A price in ticks as `decimal`, for ticks of `tickMicro` micro-units, with as many decimals as a tick has. */
export function price(ticks, tickMicro) {
  let decimals = MICRO_DECIMALS;
  for (let unit = tickMicro; decimals > 0 && unit % 10n === 0n; unit /= 10n) decimals -= 1;
  return decimal(ticks * tickMicro, MICRO_DECIMALS, decimals);
}

const pad = (n) => String(n).padStart(2, '0');

/** A Unix time in seconds as `2026-03-27 08:00:00` (UTC). */
export function time(seconds) {
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return String(seconds);
  return at.toISOString().slice(0, 19).replace('T', ' ');
}

/** The same without its date. */
export const clock = (seconds) => time(seconds).slice(-8);

/** Its date alone. */
export const date = (seconds) => time(seconds).slice(0, 10);

/** A duration: `42 s`, `3 min 05 s`, `2 h 10 min`, `5 d 3 h`. */
export function duration(seconds) {
  const s = Math.max(0, Math.round(Number(seconds)));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${pad(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** The ends of a long hexadecimal number. */
export const short = (hex) => (hex.length > 16 ? `${hex.slice(0, 8)}\u2026${hex.slice(-6)}` : hex);
