// A lane per batch, from open to final.

import { $, h, keyed, setText } from './dom.js';
import { clock, duration, time } from './format.js';
import { STAGES } from './wire.js';

/** Most batches kept, and how many of them are shown until a reader asks for more. */
export const KEPT = 50;
const SHORT = 12;

const HEADS = { made: 'Made', proven: 'Proven', submitted: 'Sent', accepted: 'Accepted', final: 'Final' };
const MEANING = {
  made: 'Closed and checked against the circuit: its fills are firm.',
  proven: 'It has a proof.',
  submitted: 'A transaction with the proof is under way.',
  accepted: 'The contract on L1 checked the proof.',
  final: 'The block that accepted it is final.',
};
const WAITING = { made: 'proving', proven: 'sending to L1', submitted: 'waiting for L1', accepted: 'waiting for finality' };

const at = (batch, stage) => batch.stages[stage] ?? null;

/** Seconds between two stages that were reached; null otherwise. */
function took(batch, from, to) {
  const [a, b] = [at(batch, from), at(batch, to)];
  return a && b ? b.time - a.time : null;
}

/** Applies `{ number, stage, moment }` to the list; false if it does not continue what is known, and the list has to be read. */
export function advance(batches, { number, stage, moment }) {
  const batch = batches.find((known) => known.number === number);
  const next = batch && STAGES[STAGES.indexOf(batch.stage) + 1];
  if (next !== stage) return false;
  batch.stage = stage;
  batch.stages[stage] = moment;
  return true;
}

function segment(batch, stage, place) {
  const moment = at(batch, stage);
  const reached = STAGES.indexOf(batch.stage);
  const kind = place <= reached ? 'done' : place === reached + 1 ? 'now' : 'later';
  // A node that started again knows that a batch was accepted, but not when it was proven.
  const seconds = place > 0 ? took(batch, STAGES[place - 1], stage) : null;
  const text = !moment ? '' : seconds === null ? clock(moment.time) : `+${duration(seconds)}`;
  const said = moment ? `${HEADS[stage]} at ${time(moment.time)}` : kind === 'now' ? `${HEADS[stage]}: not yet` : null;
  const since = kind === 'now' ? at(batch, batch.stage).time : null;
  return h('span', { class: `stage s${place} ${kind}`, title: said, 'data-since': since }, text);
}

/** One sentence for who hears the page. */
function sentence(batch) {
  const parts = STAGES.filter((stage) => at(batch, stage)).map((stage) => `${HEADS[stage].toLowerCase()} ${time(at(batch, stage).time)}`);
  return `Batch ${batch.number}: ${parts.join(', ')}`;
}

function details(batch) {
  const rows = STAGES.filter((stage) => at(batch, stage)).flatMap((stage) => {
    const { time: seconds, tx, block } = at(batch, stage);
    const where = [tx ? ['transaction ', h('code', {}, tx)] : null, block !== undefined ? ` in block ${block}` : null];
    return [h('dt', { title: MEANING[stage] }, HEADS[stage]), h('dd', {}, `${time(seconds)} `, where)];
  });
  const windows = batch.window_last < batch.window_first ? 'none' : `${batch.window_first} to ${batch.window_last}`;
  const line = (name, ...value) => [h('dt', {}, name), h('dd', {}, ...value)];
  return h(
    'dl',
    { class: 'more' },
    rows,
    line('Root after', h('code', {}, batch.new_root)),
    line('Root before', h('code', {}, batch.old_root)),
    line('Markets', `round ${batch.markets_number}, root `, h('code', {}, batch.markets_root)),
    line('Windows', windows),
    line('Log entries', batch.log_last < batch.log_first ? 'none' : `${batch.log_first} to ${batch.log_last}`),
    line('Deposits', String(batch.deposits)),
    line('Rewritten slots', batch.slots.join(', ') || 'none', h('span', { class: 'faint' }, ' (decoys among them)')),
  );
}

function lane(batch) {
  const total = took(batch, 'made', 'final');
  const state = batch.stage === 'final' ? `final in ${duration(total)}` : WAITING[batch.stage];
  return h(
    'li',
    {},
    h(
      'details',
      {},
      h(
        'summary',
        { class: 'lane' },
        h('span', { class: 'number', 'aria-hidden': 'true' }, `# ${batch.number}`),
        h('span', { class: 'hidden' }, sentence(batch)),
        h('span', { class: 'track', 'aria-hidden': 'true' }, STAGES.map((stage, place) => segment(batch, stage, place))),
        h('span', { class: `state ${batch.stage}` }, state),
      ),
      details(batch),
    ),
  );
}

function openLane({ number, window }) {
  return h(
    'li',
    {},
    h(
      'div',
      { class: 'lane' },
      h('span', { class: 'number' }, `# ${number}`),
      h('span', { class: 'track', 'aria-hidden': 'true' }, STAGES.map((_, place) => h('span', { class: `stage s${place} ${place ? 'later' : 'now'}` }, place ? '' : 'open'))),
      h('span', { class: 'state' }, window === null ? 'open' : `window ${window} is over`, h('span', { class: 'hidden' }, ': taking orders')),
    ),
  );
}

/** The venue's clock in seconds: what it said last, and the time that passed since. */
const nowOf = ({ venue, venueHeard }) => venue.time + (performance.now() - venueHeard) / 1000;

/** Moves the clocks: ages, and how long each running stage has taken so far. */
export function tick(state) {
  drawFacts(state);
  if (!state.venue) return;
  for (const running of $('lanes').querySelectorAll('[data-since]')) setText(running, duration(nowOf(state) - running.dataset.since));
}

/** Draws batches, newest first, and the figures above them. `state` is the page's. */
export function drawBatches(state) {
  const { batches, window } = state;
  const whole = $('older').getAttribute('aria-expanded') === 'true';
  $('older').hidden = batches.length <= SHORT;
  setText($('older'), whole ? 'Show fewer' : `Show the last ${Math.min(batches.length, KEPT)}`);
  $('batches-empty').hidden = batches.length > 0;
  $('lanes-frame').hidden = batches.length === 0;
  const open = { open: true, number: (batches[0]?.number ?? 0) + 1, window };
  keyed($('lanes'), [open, ...batches.slice(0, whole ? KEPT : SHORT)], ({ open: isOpen, number }) => (isOpen ? 'open' : number), (item) => (item.open ? openLane(item) : lane(item)));
  if ($('lane-heads').childElementCount === 0) {
    $('lane-heads').append(
      h('span', {}, 'Batch'),
      h('span', { class: 'track' }, STAGES.map((stage) => h('span', { title: MEANING[stage] }, HEADS[stage]))),
      h('span', { class: 'state' }, 'State'),
    );
  }
  tick(state);
}

function drawFacts(state) {
  const { venue, batches } = state;
  if (!venue) return;
  const last = batches[0];
  const final = batches.find(({ stage }) => stage === 'final');
  const ago = (batch, stage) => `${duration(nowOf(state) - at(batch, stage).time)} ago`;
  const facts = [
    ['Last batch', last ? `# ${last.number}` : 'none', last ? ago(last, 'made') : ''],
    ['Waiting for a proof', String(batches.filter(({ stage }) => stage === 'made').length), `at most ${venue.max_unproven}`],
    ['Last final', final ? `# ${final.number}` : 'none', final ? ago(final, 'final') : ''],
    ['A window every', duration(venue.cadence.window), `a batch at least every ${duration(venue.cadence.batch)}`],
  ];
  const tile = ([label, value, note]) => h('div', { class: 'tile' }, h('dt', {}, label), h('dd', {}, value, h('small', {}, note)));
  keyed($('facts'), facts, ([label]) => label, tile);
}
