// The node: reads over HTTP, events over WebSocket, polling while there is no WebSocket.
//
// Nothing here ever sees a viewing key: a request is a path, without body, header or cookie of the user's.

const TIMEOUT_MS = 15_000;
const POLL_MS = 4_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/** An answer that is no success: `status` 0 if there was none, and the API's `code`. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The JSON of a path below the page's own origin. */
export async function get(path) {
  let response;
  let body;
  try {
    response = await fetch(path, {
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    body = await response.json();
  } catch (error) {
    if (response && !response.ok) throw new ApiError(response.status, 'status', `the node answers ${response.status}`);
    throw new ApiError(0, 'unreachable', `the node does not answer (${error.name})`);
  }
  if (response.ok) return body;
  const { code = 'status', message = `the node answers ${response.status}` } = body.error ?? {};
  throw new ApiError(response.status, code, message);
}

/**
 * Listens to `/v1/events` for as long as the page lives. `onEvent` hears each message; `onLink` hears `live`, `polling` or
 * `down`; `poll` is called after each (re)connection, and every few seconds while there is none, and tells whether it reached the node.
 */
export function listen({ onEvent, onLink, poll }) {
  let failures = 0;
  let socket;
  let polling;

  const pollOnce = async () => {
    const reached = await poll();
    if (socket?.readyState !== WebSocket.OPEN) onLink(reached ? 'polling' : 'down');
  };
  const startPolling = () => {
    if (polling) return;
    polling = setInterval(pollOnce, POLL_MS);
    pollOnce();
  };

  const connect = () => {
    const url = new URL('/v1/events', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    socket = new WebSocket(url);
    socket.addEventListener('open', () => {
      failures = 0;
      clearInterval(polling);
      polling = null;
      onLink('live');
      // What happened between the last read and this moment was heard by nobody.
      poll();
    });
    socket.addEventListener('message', ({ data }) => {
      let event = null;
      try {
        event = JSON.parse(data);
      } catch {
        return; // Not a message of this stream: the next poll or event repairs what it may have meant.
      }
      onEvent(event);
    });
    socket.addEventListener('close', () => {
      startPolling();
      setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    });
  };
  connect();
}

/**
 * Wraps an async function so that calls while it runs become one more run afterwards: a burst of events costs two reads. The
 * promise is of the run that covers the call.
 */
export function coalesce(run) {
  let running = null;
  let again = null;
  const start = () => {
    running = run().finally(() => {
      running = null;
    });
    return running;
  };
  return () => {
    if (!running) return start();
    again ??= running.then(
      () => ((again = null), start()),
      () => ((again = null), start()),
    );
    return again;
  };
}
