// A line to the server that can be cut: by hand, at random, or before an answer comes through.
import net from "node:net";

export interface Proxy {
  readonly url: string;
  /** How many connections were made through it. */
  connections: number;
  cuts: number;
  /** Close every connection with a reset. */
  cut(): void;
  /** Refuse new connections as well, until `up`. */
  down(): void;
  up(): void;
  /** Let nothing of the server's through on connections that are open now: it looks alive. */
  freeze(): void;
  /** Cut each connection after so many bytes from the server; null: no more. */
  limit(bytes: (() => number) | null): void;
  close(): Promise<void>;
}

export async function proxyTo(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<net.Socket>();
  const frozen = new Set<net.Socket>();
  let accepting = true;
  let limit: (() => number) | null = null;
  const server = net.createServer((near) => {
    if (!accepting) return void near.resetAndDestroy();
    proxy.connections += 1;
    const far = net.connect(Number(port), hostname);
    let left = limit?.() ?? Infinity;
    const end = (): void => {
      open.delete(near);
      near.destroy();
      far.destroy();
    };
    open.add(near);
    near.on("error", end).on("close", end);
    far.on("error", end).on("close", end);
    near.on("data", (data) => frozen.has(near) || far.write(data));
    far.on("data", (data) => {
      if (frozen.has(near)) return;
      if (data.length < left) {
        left -= data.length;
        near.write(data);
      } else {
        proxy.cuts += 1;
        near.write(data.subarray(0, left), () => near.resetAndDestroy());
        far.destroy();
      }
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const proxy: Proxy = {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    connections: 0,
    cuts: 0,
    cut() {
      for (const near of open) {
        proxy.cuts += 1;
        near.resetAndDestroy();
      }
    },
    down() {
      accepting = false;
      proxy.cut();
    },
    up() {
      accepting = true;
    },
    freeze() {
      for (const near of open) frozen.add(near);
    },
    limit(bytes) {
      limit = bytes;
    },
    close() {
      proxy.down();
      return new Promise((done) => server.close(() => done()));
    },
  };
  return proxy;
}
