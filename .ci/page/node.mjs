// A node that a test scripts: the page's files, canned answers of the API, and a WebSocket, in plain Node. It writes down every
// byte that a browser sends it.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const PAGE = new URL('../../api/page/', import.meta.url);
const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', svg: 'image/svg+xml' };
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455, section 1.3

/** The headers under which the node serves the page. */
const HEADERS = {
  'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** A text frame of the server (RFC 6455, section 5.2): never masked. */
function frame(text) {
  const payload = Buffer.from(text);
  const head = payload.length < 126 ? Buffer.from([0x81, payload.length]) : Buffer.from([0x81, 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([head, payload]);
}

/**
 * Starts one on a free port of loopback. `answer(path)` gives what JSON a path has, or undefined for 404; it may be replaced.
 */
export async function startNode(answer) {
  const node = { answer, sent: [], sockets: new Set(), refuseSockets: false, down: false };

  const reply = async (request, response) => {
    const { pathname } = new URL(request.url, 'http://node');
    const file = pathname === '/' ? 'index.html' : /^\/assets\/([a-z-]+\.(?:css|js|svg))$/.exec(pathname)?.[1];
    if (file) {
      const body = await readFile(new URL(file, PAGE)).catch(() => null);
      if (body) {
        response.writeHead(200, { ...HEADERS, 'content-type': TYPES[file.split('.').pop()] });
        response.end(body);
        return;
      }
    }
    const body = await node.answer(request.url);
    const missing = { error: { code: 'not_found', message: 'there is nothing at this path' } };
    response.writeHead(body === undefined ? 404 : 200, { ...HEADERS, 'content-type': 'application/json' });
    response.end(JSON.stringify(body === undefined ? missing : body));
  };

  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      node.sent.push({ method: request.method, url: request.url, headers: request.rawHeaders, body });
      if (node.down) request.socket.destroy();
      else reply(request, response).catch((error) => response.destroy(error));
    });
  });

  server.on('upgrade', (request, socket) => {
    node.sent.push({ method: 'WEBSOCKET', url: request.url, headers: request.rawHeaders, body: '' });
    if (node.refuseSockets || node.down || request.url !== '/v1/events') {
      socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
      return;
    }
    const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + WEBSOCKET_GUID).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
    node.sockets.add(socket);
    // The page has nothing to say here; whatever it says is kept for the test to judge.
    socket.on('data', (data) => node.sent.push({ method: 'FRAME', url: request.url, headers: [], body: data.toString('hex') }));
    socket.on('error', () => node.sockets.delete(socket));
    socket.on('close', () => node.sockets.delete(socket));
  });

  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  node.url = `http://127.0.0.1:${server.address().port}/`;
  /** Says something to every listener. */
  node.say = (event) => node.sockets.forEach((socket) => socket.write(frame(JSON.stringify(event))));
  /** Cuts every stream, without a farewell. */
  node.cut = () => node.sockets.forEach((socket) => socket.destroy());
  node.stop = () => {
    node.cut();
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return node;
}
