// Wires the page: what is read when, and what is drawn after.

import { account } from './account.js';
import { coalesce, get, listen } from './api.js';
import { advance, drawBatches, KEPT as BATCHES_KEPT, tick } from './batches.js';
import { $, setText } from './dom.js';
import { drawAuctions, drawMarkets, SHOWN as AUCTIONS_SHOWN } from './markets.js';
import * as wire from './wire.js';

/** Auctions kept: more than are shown, so that most instruments have their last one. */
const AUCTIONS_KEPT = 500;
const CLOCK_MS = 1_000;

const state = { venue: null, venueHeard: 0, batches: [], markets: [], marks: null, auctions: [], window: null, fresh: null };

const readVenue = coalesce(async () => {
  state.venue = await get('/v1/venue');
  state.venueHeard = performance.now();
  const { chain, contract, size, lanes, deployment } = state.venue;
  setText(
    $('venue'),
    `Contract ${contract} on chain ${chain}; circuit \u201c${size}\u201d: ${lanes.accounts} accounts and ${lanes.orders} orders a batch; deployment ${deployment}.`,
  );
});

const readBatches = coalesce(async () => {
  const batches = await get(`/v1/batches?limit=${BATCHES_KEPT}`);
  state.batches = batches.sort((a, b) => b.number - a.number);
});

const readMarkets = coalesce(async () => {
  // Marks and instruments are two reads: take them again while a round falls between.
  let before = await get('/v1/marks');
  for (let attempt = 0; attempt < 3; attempt++) {
    const instruments = await get('/v1/instruments');
    const after = await get('/v1/marks');
    state.markets = instruments.map(wire.market);
    state.marks = after;
    if (after.number === before.number) return;
    before = after;
  }
});

const readAuctions = coalesce(async () => {
  const auctions = await get(`/v1/auctions?limit=${AUCTIONS_SHOWN}`);
  keepAuctions(auctions);
});

function keepAuctions(auctions) {
  const known = new Map([...state.auctions, ...auctions].map((auction) => [auction.id, auction]));
  state.auctions = [...known.values()].sort((a, b) => b.id - a.id).slice(0, AUCTIONS_KEPT);
}

state.fresh = async () => {
  await readMarkets();
  return state;
};

function draw() {
  drawBatches(state);
  drawMarkets(state);
  drawAuctions(state);
}

const look = account(state);

/** Reads everything; tells whether the node answered. What it refuses stays as it was. */
async function readAll() {
  const reads = await Promise.allSettled([readVenue(), readBatches(), readMarkets(), readAuctions()]);
  draw();
  return reads.some(({ status }) => status === 'fulfilled');
}

/** Reads again what an event made stale, then draws; the next event or poll repairs what fails here. */
const reread = (...reads) =>
  Promise.allSettled(reads.map((read) => read())).then(() => {
    draw();
  });

function onEvent(event) {
  switch (event.type) {
    case 'window':
      state.window = event.window;
      drawBatches(state);
      break;
    case 'batch':
      if (advance(state.batches, event)) drawBatches(state);
      else reread(readBatches);
      // A leaf is public once its batch is made; later stages change what may be said of its root.
      look();
      break;
    case 'auction':
      keepAuctions([event.auction]);
      drawMarkets(state);
      drawAuctions(state);
      break;
    case 'markets':
      reread(readMarkets).then(look);
      break;
    default: // An event of a newer node: nothing on this page follows from it.
  }
}

let linkWas = null;
function onLink(link) {
  if (link === linkWas) return;
  linkWas = link;
  const said = { live: 'live', polling: 'no event stream: polling', down: 'the node does not answer: trying again' };
  $('link').className = `link ${link === 'live' ? 'live' : link === 'down' ? 'down' : 'waiting'}`;
  setText($('link-text'), said[link]);
}

$('older').addEventListener('click', ({ currentTarget: button }) => {
  button.setAttribute('aria-expanded', String(button.getAttribute('aria-expanded') !== 'true'));
  drawBatches(state);
});
$('settled').addEventListener('change', () => drawMarkets(state));
setInterval(() => tick(state), CLOCK_MS);
listen({
  onEvent,
  onLink,
  poll: async () => {
    const before = JSON.stringify([state.batches[0], state.marks?.number]);
    const reached = await readAll();
    if (JSON.stringify([state.batches[0], state.marks?.number]) !== before) look();
    return reached;
  },
});
