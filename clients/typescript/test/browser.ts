// A real browser, spoken to over its own protocol: tabs of one origin, which is the server's.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { URL_OF_SERVER, until } from "./world.js";

type Json = Record<string, unknown>;
interface Answer {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Json;
  readonly result?: Json;
  readonly error?: { readonly message: string };
}

const BUILT = new URL("../dist/", import.meta.url);
const PAGE = "/sdk/";

export interface Tab {
  /** What an expression comes to in the page; it may be a promise. */
  run<Value>(expression: string): Promise<Value>;
  /** Of the tab's network: `offline`, or so many bytes a second upwards. */
  network(how: { offline?: boolean; uploads?: number }): Promise<void>;
  close(): Promise<void>;
}

export interface Browser {
  tab(): Promise<Tab>;
  close(): Promise<void>;
}

/** The browser at this path, with a profile of its own. */
export async function browserAt(program: string): Promise<Browser> {
  const profile = await mkdtemp(path.join(tmpdir(), "sdk-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--remote-allow-origins=*"];
  const child = spawn(program, [...flags, `--user-data-dir=${profile}`, "about:blank"], { stdio: "ignore" });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let address = "";
  for (const end = Date.now() + 60_000; address === "" && Date.now() < end; ) {
    const said = await readFile(path.join(profile, "DevToolsActivePort"), "utf8").catch(() => "");
    const [port, at] = said.trim().split("\n");
    if (at !== undefined) address = `ws://127.0.0.1:${port}${at}`;
    else await new Promise((resume) => setTimeout(resume, 50));
  }
  const socket = new WebSocket(address);
  const asked = new Map<number, (answer: Answer) => void>();
  const heard = new Map<string, (answer: Answer) => void>();
  let last = 0;
  const ask = async (method: string, params: Json = {}, sessionId?: string): Promise<Json> => {
    const id = (last += 1);
    const answered = new Promise<Answer>((resolve) => asked.set(id, resolve));
    socket.send(JSON.stringify({ id, method, params, sessionId }));
    const { error, result } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  };
  socket.onmessage = ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer;
    if (answer.id === undefined) return heard.get(`${answer.sessionId} ${answer.method}`)?.(answer);
    asked.get(answer.id)?.(answer);
    asked.delete(answer.id);
  };
  await until(() => socket.readyState === WebSocket.OPEN, "the browser listens");

  const tab = async (): Promise<Tab> => {
    const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
    const say = (method: string, params: Json = {}): Promise<Json> => ask(method, params, String(sessionId));
    const run = async <Value>(expression: string): Promise<Value> => {
      const given = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = (await say("Runtime.evaluate", given)) as {
        result: { value: Value };
        exceptionDetails?: { exception?: { description?: string } };
      };
      if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description);
      return result.value;
    };
    // The package's modules lie on the server's origin; all else goes to the server.
    await say("Fetch.enable", { patterns: [{ urlPattern: `${URL_OF_SERVER}${PAGE}*` }] });
    heard.set(`${String(sessionId)} Fetch.requestPaused`, (paused) => {
      const { requestId, request } = paused.params as { requestId: string; request: { url: string } };
      const name = new URL(request.url).pathname.slice(PAGE.length);
      const responseHeaders = [{ name: "Content-Type", value: "text/javascript" }];
      void readFile(new URL(name, BUILT)).then((file) =>
        say("Fetch.fulfillRequest", {
          requestId,
          responseCode: 200,
          responseHeaders,
          body: file.toString("base64"),
        }),
      );
    });
    await say("Network.enable");
    await say("Page.enable");
    const loaded = new Promise((resolve) => heard.set(`${String(sessionId)} Page.loadEventFired`, resolve));
    // A page of the server's, with the modules let in beside what it allows itself.
    await say("Page.setBypassCSP", { enabled: true });
    await say("Page.navigate", { url: `${URL_OF_SERVER}/health/live` });
    await loaded;
    await run(`import("${PAGE}index.js").then((sdk) => { globalThis.sdk = sdk; })`);
    return {
      run,
      network: async ({ offline = false, uploads = -1 }) => {
        const rest = { latency: 0, downloadThroughput: -1, uploadThroughput: uploads };
        await say("Network.emulateNetworkConditions", { offline, ...rest });
      },
      close: async () => void (await ask("Target.closeTarget", { targetId })),
    };
  };
  return {
    tab,
    close: async () => {
      socket.close();
      child.kill();
      await gone;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
