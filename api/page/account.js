// The own account: form, key, opening, and keeping the picture up to date.
//
// The key lives in `session` below and, if the user ticks the box, in sessionStorage. It goes into `openAccount` and nowhere else.

import { accountView } from './account-view.js';
import { ApiError, coalesce, get } from './api.js';
import { $, setText } from './dom.js';
import { short } from './format.js';
import { accountHash, ACCOUNTS_DEPTH, marketHash, marketsRoot, openAccount, OpenError, parseViewingKey, rootOf } from './leaf.js';
import { standing } from './margin.js';
import { underlyingNames } from './markets.js';
import * as wire from './wire.js';

const STORED = 'novation.account';
const MAX_SLOT = 2 ** 24 - 1;

/** Null, or `{ slot, key, owner }`: the owner key as typed, empty if L1's still holds. */
let session = null;
/** Leaf hashes of markets by what was hashed: most markets of a round are as before. */
const hashed = new Map();

const hex = (x) => `0x${x.toString(16).padStart(64, '0')}`;
const pause = () => new Promise((resolve) => setTimeout(resolve));

/** What went wrong, for a person. */
function explain(error, slot) {
  if (error instanceof OpenError) {
    if (error.code === 'key') return error.message;
    if (error.code === 'content') return `This key does not open slot ${slot}. Check that both belong together; nothing was opened.`;
    if (error.code === 'hash') {
      return `Slot ${slot} was decrypted, but the leaf does not hash to what was published, so nothing of it is shown. Either the node gave another leaf, or the owner key was rotated since the last deposit: then give the new one below.`;
    }
    return `The node's data for slot ${slot} is wrong: ${error.message}. Nothing is shown.`;
  }
  if (error instanceof ApiError && error.status === 404) return `Slot ${slot} holds no account yet: ${error.message}.`;
  return `The account cannot be read now: ${error.message}.`;
}

/** A point typed as x and y, 64 hex digits each. */
function parsePoint(text) {
  const words = text.match(/[0-9a-f]{64}/gi) ?? [];
  if (words.length !== 2) throw new OpenError('key', 'An owner key is two numbers, x and y, of 64 hex digits each.');
  const [x, y] = words.map((word) => BigInt(`0x${word}`));
  return { x, y };
}

async function marketsRootOf(markets) {
  const leaves = [];
  for (const [i, market] of markets.entries()) {
    const said = Object.values(market).join();
    if (!hashed.has(said)) {
      hashed.set(said, marketHash(market));
      // A few milliseconds each: let the page breathe.
      if (i % 8 === 7) await pause();
    }
    leaves.push([market.id, hashed.get(said)]);
  }
  if (hashed.size > 4 * markets.length + 64) hashed.clear();
  return marketsRoot(leaves);
}

/** The marks are those of a batch's markets root, if a batch has used them. */
async function checkMarks(markets, marks, batches) {
  const user = batches.find((batch) => batch.markets_number === marks?.number);
  if (!user) return { ok: null, text: `No batch has used the marks of round ${marks?.number ?? 0} yet, so there is no markets root to hold them against.` };
  const root = await marketsRootOf(markets);
  const text = `All ${markets.length} instruments, with their marks and risk arrays, hash to the markets root ${short(user.markets_root)} of batch ${user.number}.`;
  return { ok: root === BigInt(user.markets_root), text };
}

/** Reads and opens the account, and checks what can be checked. */
async function look({ slot, key, owner }, state) {
  const published = wire.leaf(await get(`/v1/accounts/${slot}/leaf`));
  if (published.slot !== BigInt(slot)) throw new OpenError('slot', `it is of slot ${published.slot}`);
  if (owner) published.owner = parsePoint(owner);
  await pause();
  const leaf = openAccount(published, key);
  await pause();

  const { batch } = await get(`/v1/batches/${published.rootBatch}`);
  const found = published.path.length === ACCOUNTS_DEPTH ? rootOf(published.slot, accountHash(leaf), published.path) : null;
  const rootIsThere = found === published.root && BigInt(batch.new_root) === published.root;

  const { markets, marks, batches } = await state.fresh();
  const marksCheck = await checkMarks(markets, marks, [batch, ...batches]);

  const byId = new Map(markets.map((market) => [market.id, market]));
  const holdings = leaf.positions.filter(Boolean).map(({ id, lots }) => {
    const market = byId.get(id);
    if (!market) throw new ApiError(0, 'unlisted', `the account holds instrument ${id}, which the node does not list`);
    return { lots, market };
  });
  return {
    slot,
    batch: published.batch,
    leafHash: hex(published.leafHash),
    leaf,
    holdings,
    standing: standing(leaf.cash, holdings),
    marksTime: marks?.time ?? 0,
    underlyings: underlyingNames(markets),
    checks: [
      { ok: true, text: 'The batch\'s point R lies in the prime subgroup, and the words decrypt to an account.' },
      { ok: true, text: `That account, with your viewing key in it, hashes to the published leaf ${short(hex(published.leafHash))}.` },
      { ok: rootIsThere, text: `Leaf and path lead to the accounts root ${short(batch.new_root)} of batch ${batch.number}, which is ${batch.stage === 'made' ? 'not proven yet' : batch.stage}.` },
      marksCheck,
      { ok: null, text: 'That L1 accepted these roots with valid proofs is what the node says. The watcher (novation watch) checks it against the chain and believes nobody.' },
    ],
  };
}

function show(error, view) {
  $('account-error').hidden = error === null;
  $('account-error').textContent = error ?? '';
  const opened = [...$('account-body').querySelectorAll('details')].map((details) => details.open);
  $('account-body').replaceChildren(...(view ?? []));
  $('account-body').querySelectorAll('details').forEach((details, i) => {
    details.open = opened[i] ?? false;
  });
}

function forget() {
  session = null;
  sessionStorage.removeItem(STORED);
  $('key').value = '';
  $('owner').value = '';
  $('keep').checked = false;
  $('forget').hidden = true;
  setText($('account-said'), 'The account is closed.');
  show(null, null);
}

function remember() {
  if ($('keep').checked && session) {
    sessionStorage.setItem(STORED, JSON.stringify({ ...session, key: session.key.toString(16).padStart(64, '0') }));
  } else {
    sessionStorage.removeItem(STORED);
  }
}

function stored() {
  try {
    const { slot, key, owner } = JSON.parse(sessionStorage.getItem(STORED) ?? 'null') ?? {};
    return Number.isInteger(slot) ? { slot, key: parseViewingKey(key), owner } : null;
  } catch {
    sessionStorage.removeItem(STORED);
    return null;
  }
}

/**
 * Wires the form. `state.fresh()` gives markets and marks of one round. The returned function looks again: after a batch or new
 * marks.
 */
export function account(state) {
  const refresh = coalesce(async () => {
    const asked = session;
    if (!asked) return;
    let view = null;
    let error = null;
    try {
      view = accountView(await look(asked, state));
    } catch (caught) {
      error = explain(caught, asked.slot);
      // What is shown stays while the node is away; what does not open is never shown.
      if (caught instanceof ApiError && caught.status === 0 && session === asked) {
        $('account-error').hidden = false;
        $('account-error').textContent = error;
        return;
      }
    }
    // Forgotten or replaced while it was read: then nobody wants it.
    if (session !== asked) return;
    if (error) session = null;
    show(error, view);
    $('forget').hidden = !session;
    if (session) $('key').value = '';
    remember();
  });

  $('open-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const slot = /^[0-9]{1,8}$/.test($('slot').value.trim()) ? Number($('slot').value) : NaN;
    session = null;
    show(null, null);
    try {
      if (!(slot >= 1 && slot <= MAX_SLOT)) throw new OpenError('key', `An account slot is a number from 1 to ${MAX_SLOT}.`);
      session = { slot, key: parseViewingKey($('key').value), owner: $('owner').value.trim() };
    } catch (error) {
      show(explain(error, slot), null);
      remember();
      return;
    }
    // Not disabled: a disabled button would lose the focus, and a second click only looks again.
    $('open').setAttribute('aria-busy', 'true');
    $('open').textContent = 'Opening\u2026';
    await refresh();
    $('open').removeAttribute('aria-busy');
    $('open').textContent = 'Open';
    if (session) setText($('account-said'), `Account ${slot} is open. ${[...$('account-body').querySelectorAll('.tile')].map((tile) => tile.textContent).join(', ')}`);
  });
  $('forget').addEventListener('click', () => {
    forget();
    $('slot').focus();
  });
  $('keep').addEventListener('change', remember);

  session = stored();
  if (session) {
    $('slot').value = session.slot;
    $('owner').value = session.owner;
    $('keep').checked = true;
    $('forget').hidden = false;
    refresh();
  }
  return refresh;
}
