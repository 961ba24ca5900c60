// The few lines that a framework would be needed for.

const SVG = 'http://www.w3.org/2000/svg';

function build(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  // Text only ever becomes a text node: nothing that a server says is read as markup.
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element: `h('td', { class: 'number' }, 'text', child, ...)`; `on` holds listeners. */
export const h = (name, props, ...children) => build(document.createElement(name), props, children);

/** An SVG element. */
export const s = (name, props, ...children) => build(document.createElementNS(SVG, name), props, children);

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** Replaces the children of a node, unless they are the same text already: a reader's place and a selection stay. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Makes the children of `parent` those of `items`, in order, behind children that were not made here (a table's caption and
 * head). A child whose item says the same as before stays as it is, with its focus and its opened details. `key` names an item,
 * `make` builds its element.
 */
export function keyed(parent, items, key, make) {
  const mine = [...parent.children].filter((child) => child.dataset.key !== undefined);
  const first = parent.childElementCount - mine.length;
  const known = new Map(mine.map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const name = String(key(item));
    const said = JSON.stringify(item, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
    const old = known.get(name);
    if (old && old.said === said) return old;
    const element = make(item);
    element.dataset.key = name;
    element.said = said;
    if (old) keepOpen(old, element);
    return element;
  });
  const keep = new Set(wanted);
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const lost = focused && mine.find((child) => child.contains(focused) && !keep.has(child));
  for (const child of mine) if (!keep.has(child)) child.remove();
  wanted.forEach((element, i) => {
    const there = parent.children[first + i] ?? null;
    if (there !== element) parent.insertBefore(element, there);
  });
  // A replaced element hands its focus to its successor.
  if (lost) wanted.find((element) => element.dataset.key === lost.dataset.key)?.querySelector('summary, button, a')?.focus();
}

function keepOpen(old, element) {
  const before = old.querySelectorAll('details');
  element.querySelectorAll('details').forEach((details, i) => {
    if (before[i]?.open) details.open = true;
  });
}
