// Every route of the API, typed by the served document: path, query, body and answer.
import { aborted } from "./errors.js";
import type { paths } from "./generated/api.js";
import type { Asking, Bearer, Http, Query } from "./http.js";

export type Method = "get" | "post" | "patch" | "delete";
type Operation<Path extends keyof paths, M extends Method> = NonNullable<paths[Path][M]>;

/** The routes that know a method. */
export type PathOf<M extends Method> = {
  [Path in keyof paths]: [NonNullable<paths[Path][M]>] extends [never] ? never : Path;
}[keyof paths];

type JsonIn<Body> = Body extends { content: { "application/json": infer Json } } ? Json : never;
type Good<Responses> = Responses extends { 201: infer Made; 200: infer Old }
  ? Made | Old
  : Responses extends { 201: infer Made }
    ? Made
    : Responses extends { 200: infer Found }
      ? Found
      : never;

/** What a route answers with when it went well. */
export type AnswerOf<Path extends keyof paths, M extends Method> =
  Operation<Path, M> extends { responses: infer Responses } ? JsonIn<Good<Responses>> : never;

type QueryOf<Op> = Op extends { parameters: { query?: infer Given } } ? NonNullable<Given> : never;
type VariablesOf<Op> = Op extends { parameters: { path: infer Given } } ? Given : never;
type BodyOf<Op> = Op extends { requestBody?: infer Body } ? JsonIn<NonNullable<Body>> : never;

type Optional<Name extends string, Value> = [Value] extends [never]
  ? { [Key in Name]?: never }
  : { [Key in Name]?: Value };
type Required<Name extends string, Value> = [Value] extends [never]
  ? { [Key in Name]?: never }
  : { [Key in Name]: Value };

/** What a route may be given: `path` variables, `query`, `body`. */
export type Given<Path extends keyof paths, M extends Method> = Required<
  "path",
  VariablesOf<Operation<Path, M>>
> &
  Optional<"query", QueryOf<Operation<Path, M>>> &
  (Operation<Path, M> extends { requestBody: unknown }
    ? Required<"body", BodyOf<Operation<Path, M>>>
    : Optional<"body", BodyOf<Operation<Path, M>>>) & {
    headers?: Readonly<Record<string, string>>;
    signal?: AbortSignal;
  };

/** A page of a list; `next` goes into `Api.next`. */
export interface Page<Row> {
  readonly results: Row[];
  readonly next: string | null;
  readonly previous: string | null;
}

interface Loose {
  path?: Readonly<Record<string, string>>;
  query?: Query;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export class Api {
  /** @internal Raised when all is forgotten: what was asked before is not answered, as another user may be signed in. */
  turn = 0;

  constructor(
    private readonly http: Http,
    private readonly bearer: Bearer,
  ) {}

  /** Reads; asked again for a while where the server is away. */
  async get<Path extends PathOf<"get">>(
    path: Path,
    given: Given<Path, "get">,
  ): Promise<AnswerOf<Path, "get">> {
    const loose: Loose = given;
    return (await this.#read(filled(path, loose), asking(loose))) as AnswerOf<Path, "get">;
  }

  post<Path extends PathOf<"post">>(
    path: Path,
    given: Given<Path, "post">,
  ): Promise<AnswerOf<Path, "post">> {
    return this.#write("POST", path, given);
  }

  patch<Path extends PathOf<"patch">>(
    path: Path,
    given: Given<Path, "patch">,
  ): Promise<AnswerOf<Path, "patch">> {
    return this.#write("PATCH", path, given);
  }

  delete<Path extends PathOf<"delete">>(
    path: Path,
    given: Given<Path, "delete">,
  ): Promise<AnswerOf<Path, "delete">> {
    return this.#write("DELETE", path, given);
  }

  /** The page that another one's `next` or `previous` names; null where there is none. */
  async next<Row>(page: Page<Row>, which: "next" | "previous" = "next"): Promise<Page<Row> | null> {
    const address = page[which];
    if (address === null) return null;
    return (await this.#read(address)) as Page<Row>;
  }

  /** All rows of a list, page after page. */
  async *all<Row>(first: Page<Row>): AsyncGenerator<Row> {
    for (let page: Page<Row> | null = first; page !== null; page = await this.next(page)) yield* page.results;
  }

  /** @internal The same, together. */
  async rows<Row>(first: Promise<Page<Row>>): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const row of this.all(await first)) rows.push(row);
    return rows;
  }

  /** A page of a list that is asked for by POST, as search is: the same body at its address. */
  async again<Row>(page: Page<Row>, body: unknown): Promise<Page<Row> | null> {
    if (page.next === null) return null;
    const answer = await this.http.asked(this.bearer, "POST", page.next, { json: body });
    return JSON.parse(answer.text) as Page<Row>;
  }

  /** An appointment's calendar file. */
  async calendar(messageId: string): Promise<string> {
    const path = `/api/messages/${encodeURIComponent(messageId)}/calendar.ics`;
    return (await this.http.read(this.bearer, path, { headers: { Accept: "text/calendar" } })).text;
  }

  async #read(path: string, asking?: Asking): Promise<unknown> {
    const { turn } = this;
    const { text } = await this.http.read(this.bearer, path, asking);
    if (turn !== this.turn) throw aborted();
    return JSON.parse(text);
  }

  async #write<Result>(method: string, path: string, given: Loose): Promise<Result> {
    const answer = await this.http.asked(this.bearer, method, filled(path, given), {
      ...asking(given),
      ...(method === "DELETE" ? {} : { json: given.body ?? {} }),
    });
    return JSON.parse(answer.text) as Result;
  }
}

function filled(path: string, given: Loose): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(given.path?.[name] ?? ""));
}

function asking(given: Loose): Asking {
  return {
    query: given.query,
    json: given.body,
    signal: given.signal,
    ...(given.headers === undefined ? {} : { headers: given.headers }),
  };
}
