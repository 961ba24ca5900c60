// Recomputes api/vectors/signing.json with circomlibjs, the library that the curve, the hash and the signatures come from, and Node's SHA-3.
// From the readable values alone: seeds, fields of messages, balances. Fails on the first value that differs.
//
//   npm ci && node check.mjs [FILE]
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { buildBabyjub, buildEddsa, buildPoseidon } from "circomlibjs";
import sha3 from "js-sha3";

const file = process.argv[2] ?? new URL("../../api/vectors/signing.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8"));
const [babyjub, eddsa, poseidon] = [await buildBabyjub(), await buildEddsa(), await buildPoseidon()];
const F = babyjub.F;
const r = F.p;
const l = babyjub.subOrder;

// Numbers are BigInts below r; `F.e` and `F.toObject` go in and out of circomlibjs.
const mod = (a, m) => ((a % m) + m) % m;
const hex = (bytes) => "0x" + Buffer.from(bytes).toString("hex");
const word = (x) => "0x" + mod(BigInt(x), r).toString(16).padStart(64, "0");
const bytesOf = (text) => Uint8Array.from(Buffer.from(text.slice(2), "hex"));
const point = (p) => ({ x: word(F.toObject(p[0])), y: word(F.toObject(p[1])) });
const pointOf = ({ x, y }) => [F.e(BigInt(x)), F.e(BigInt(y))];
const multiply = (p, k) => babyjub.mulPointEscalar(p, k);
const littleEndian = (bytes) => BigInt("0x" + Buffer.from(bytes).reverse().toString("hex"));
const bigEndian = (x, length) => Buffer.from(BigInt(x).toString(16).padStart(2 * length, "0"), "hex");
const hash = (tag, words) => F.toObject(poseidon(words.map((w) => F.e(mod(BigInt(w), r))), F.e(tag)));
const keccak248 = (bytes) => BigInt("0x" + sha3.keccak256(bytes)) >> 8n;

let compared = 0;
function same(what, ours, theirs) {
  if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
    console.error(`${what} differs:\n  vectors     ${JSON.stringify(theirs)}\n  circomlibjs ${JSON.stringify(ours)}`);
    process.exit(1);
  }
  compared += 1;
}

const TAG = { positions: 3, account: 2, message: 7, salt: 8, pad: 9 };
const TYPE = { order: 1, withdraw: 2, cancel: 3, epoch: 4, rotate: 5, read: 6 };

function deploymentId({ chain, contract }) {
  // abi.encode("novation", chain, contract)
  const words = [96n, BigInt(chain), BigInt(contract), 8n].map((x) => bigEndian(x, 32));
  return word(keccak248(Buffer.concat([...words, Buffer.from("novation".padEnd(32, "\0"))])));
}

function viewingKey(seed) {
  const digest = createHash("sha3-512");
  for (const part of [Buffer.from("novation viewing key 1"), seed]) {
    digest.update(bigEndian(part.length, 8).reverse()).update(part);
  }
  return mod(littleEndian(digest.digest()), l);
}

function checkKey(key) {
  const seed = bytesOf(key.seed);
  const owner = eddsa.prv2pub(seed);
  const v = viewingKey(seed);
  const viewing = multiply(babyjub.Base8, v);
  // One eighth inside the prime subgroup: times the inverse of 8 modulo its order.
  let eighth = 1n;
  while ((eighth * l + 1n) % 8n !== 0n) eighth += 1n;
  eighth = (eighth * l + 1n) / 8n;
  same("owner", point(owner), key.owner);
  same("owner_packed", hex(babyjub.packPoint(owner)), key.owner_packed);
  same("owner_eighth", point(multiply(owner, eighth)), key.owner_eighth);
  same("viewing_key", "0x" + v.toString(16).padStart(64, "0"), key.viewing_key);
  same("viewing", point(viewing), key.viewing);
  same("viewing_eighth", point(multiply(viewing, eighth)), key.viewing_eighth);
}

function wordsOf({ type, body }) {
  const words = Array(16).fill(0n);
  const put = (at, values) => values.forEach((value, i) => (words[at + i] = value));
  put(0, [TYPE[type], body.deployment, body.account, body.order_slot ?? 0, body.nonce ?? 0, body.epoch ?? 0]);
  if (type === "order") {
    const flags = (body.side === "sell" ? 1 : 0) + (body.reduce_only ? 2 : 0) + ("peg_offset" in body ? 4 : 0);
    const leg = BigInt(body.instrument) + (1n << 32n);
    put(6, [body.lots, body.limit, body.peg_offset ?? 0, body.valid_until, body.fee_cap, flags, leg]);
  } else if (type === "withdraw") {
    const { amount, recipient, chain } = body.action.withdraw;
    put(6, [amount, recipient, chain]);
  } else if (type === "rotate") {
    put(9, [body.action.rotate.owner_eighth.x, body.action.rotate.owner_eighth.y]);
  } else if (type === "read") {
    put(6, [body.expires]);
  }
  return words.map(word);
}

function sign(seed, message) {
  const signature = eddsa.signPoseidon(bytesOf(seed), F.e(BigInt(message)));
  const owner = eddsa.prv2pub(bytesOf(seed));
  if (!eddsa.verifyPoseidon(F.e(BigInt(message)), signature, owner)) throw new Error("circomlibjs refuses its own signature");
  return { bytes: hex(eddsa.packSignature(signature)), r: point(signature.R8), s: word(signature.S) };
}

function checkMessage({ name, type, seed, body, ...message }) {
  const words = wordsOf({ type, body });
  same(`${name}: words`, words, message.words);
  same(`${name}: hash`, word(hash(TAG.message, words)), message.hash);
  same(`${name}: signature`, sign(seed, message.hash), message.signature);
  same(`${name}: signature in the body`, message.signature.bytes, body.signature);
  if (type === "rotate") {
    const owner = eddsa.prv2pub(bytesOf(message.possession.seed));
    same(`${name}: new key`, point(multiply(pointOf(body.action.rotate.owner_eighth), 8n)), point(owner));
    same(`${name}: possession`, sign(message.possession.seed, message.hash), message.possession.signature);
    same(`${name}: possession in the body`, message.possession.signature.bytes, body.possession);
  }
  if (type === "read") {
    const header = `Novation ${body.account}.${body.expires}.${message.signature.bytes.slice(2)}`;
    same(`${name}: header`, header, message.authorization);
  }
}

function checkLeaf(leaf) {
  const seed = bytesOf(leaf.seed);
  const [owner, v] = [eddsa.prv2pub(seed), viewingKey(seed)];
  const shared = multiply(pointOf(leaf.r), v);
  same("leaf: shared secret", point(shared), leaf.shared_secret);
  const secret = F.toObject(shared[0]);
  const salt = hash(TAG.salt, [secret, BigInt(leaf.batch) * (1n << 24n) + BigInt(leaf.account)]);
  same("leaf: salt", word(salt), leaf.salt);

  const positions = Array(64).fill(0n);
  for (const { place, instrument, lots } of leaf.positions) positions[place] = BigInt(instrument) + BigInt(lots) * (1n << 32n);
  const chunks = [0, 16, 32, 48].map((at) => hash(TAG.positions, positions.slice(at, at + 16)));
  const viewing = multiply(babyjub.Base8, v);
  const keys = [...owner, ...viewing].map((x) => F.toObject(x));
  const leafHash = hash(TAG.account, [...keys, salt, leaf.cash, leaf.epoch, ...chunks, leaf.orders_root]);
  same("leaf: hash", word(leafHash), leaf.hash);

  const pad = poseidon([secret, leafHash, 0n, 0n, 0n, 0n, 0n, 0n].map((x) => F.e(x)), F.e(TAG.pad), 9).slice(1).map((x) => F.toObject(x));
  same("leaf: pad", pad.map(word), leaf.pad);
  const plaintext = [BigInt(leaf.cash) + BigInt(leaf.epoch) * (1n << 107n), BigInt(leaf.orders_root)];
  for (let at = 0; at < 16; at += 3) {
    plaintext.push(positions.slice(at, Math.min(at + 3, 16)).reduce((sum, p, i) => sum + p * (1n << BigInt(74 * i)), 0n));
  }
  same("leaf: plaintext", plaintext.map(word), leaf.plaintext);
  same("leaf: ciphertext", plaintext.map((x, i) => word(x + pad[i])), leaf.ciphertext);
  same("leaf: decrypted", leaf.ciphertext.map((x, i) => word(BigInt(x) - pad[i])), leaf.plaintext);
}

function checkReceipt(receipt) {
  const { deployment, position, message, root, time } = receipt;
  const parts = [bigEndian(deployment, 32), bigEndian(position, 8), bigEndian(message, 32), bigEndian(root, 32), bigEndian(time, 8)];
  const statement = word(keccak248(Buffer.concat([Buffer.from("novation receipt 1"), ...parts])));
  same("receipt: operator", point(eddsa.prv2pub(bytesOf(receipt.seed))), receipt.operator);
  same("receipt: statement", statement, receipt.statement);
  same("receipt: signature", sign(receipt.seed, statement), receipt.signature);
}

same("deployment", deploymentId(vectors.deployment), vectors.deployment.id);
for (const part of [vectors.keys, vectors.messages]) if (part.length === 0) throw new Error("a list of vectors is empty");
vectors.keys.forEach(checkKey);
vectors.messages.forEach(checkMessage);
for (const type of Object.keys(TYPE)) {
  if (!vectors.messages.some((message) => message.type === type)) throw new Error(`no vector of type ${type}`);
}
checkLeaf(vectors.leaf);
checkReceipt(vectors.receipt);
console.log(`circomlibjs computes the same: ${compared} values of ${vectors.messages.length} messages, ${vectors.keys.length} keys, a leaf, a receipt`);
// circomlibjs leaves worker threads behind.
process.exit(0);
