// The one error class: what was refused, by whom, and when to ask again.
import type { CrisisResource } from "./types.js";

/** Codes that are the client's own; all others are the server's (docs/guide/errors.md). */
export type ClientCode =
  | "network_error"
  | "aborted"
  | "signed_out"
  | "reauthentication_required"
  | "queue_full"
  | "discarded"
  | "unexpected_answer";

export interface ErrorParts {
  readonly code: string;
  readonly message: string;
  /** The HTTP status; 0 where no answer came, or where the refusal came by socket. */
  readonly status?: number;
  readonly attr?: string | null;
  readonly requestId?: string | undefined;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
  readonly crisisResources?: readonly CrisisResource[] | undefined;
  readonly details?: readonly ErrorDetail[];
}

export interface ErrorDetail {
  readonly code: string;
  readonly detail: string;
  readonly attr: string | null;
}

/** A refusal, or no answer at all. Never holds a message's text. */
export class TherapyConnectError extends Error {
  override readonly name = "TherapyConnectError";
  readonly code: string;
  readonly status: number;
  /** The field that is wrong, where it is one. */
  readonly attr: string | null;
  readonly requestId: string | undefined;
  readonly retryAfter: number | undefined;
  /** Whom to call, with every refused emergency of a patient: show them, whatever else happens. */
  readonly crisisResources: readonly CrisisResource[];
  /** All that was wrong; `code` and `attr` are the first's. */
  readonly details: readonly ErrorDetail[];

  constructor(parts: ErrorParts) {
    super(parts.message);
    this.code = parts.code;
    this.status = parts.status ?? 0;
    this.attr = parts.attr ?? null;
    this.requestId = parts.requestId;
    this.retryAfter = parts.retryAfter;
    this.crisisResources = parts.crisisResources ?? [];
    this.details = parts.details ?? [];
  }

  /** Whether the same may be asked again: the outcome is unknown, or it was only too early. */
  get temporary(): boolean {
    return this.code === "network_error" || [408, 425, 429].includes(this.status) || this.status >= 500;
  }
}

/** What an answer that is not 2xx says, in our shape or allauth's; anything else by its status. */
export function errorOf(status: number, headers: Headers, text: string): TherapyConnectError {
  const body = parsed(text);
  const details = detailsOf(body["errors"]);
  const first = details[0];
  const again = status === 401 && (body["meta"] as Record<string, unknown> | undefined)?.["is_authenticated"] === true;
  return new TherapyConnectError({
    code: first?.code ?? (again ? "reauthentication_required" : codeOf(status)),
    message: first?.detail ?? `The server answered ${status}.`,
    status,
    attr: first?.attr ?? null,
    requestId: textOf(body["request_id"]) ?? headers.get("x-request-id") ?? undefined,
    retryAfter: secondsOf(headers.get("retry-after")),
    crisisResources: Array.isArray(body["crisis_resources"])
      ? (body["crisis_resources"] as CrisisResource[])
      : undefined,
    details,
  });
}

function codeOf(status: number): string {
  return status === 401 ? "not_authenticated" : status === 429 ? "throttled" : "unexpected_answer";
}

/** What `fetch` threw: no answer came, so the outcome is unknown. */
export function errorOfFailure(cause: unknown): TherapyConnectError {
  if (cause instanceof TherapyConnectError) return cause;
  const aborted = (cause as Partial<Error> | null)?.name === "AbortError";
  return new TherapyConnectError(
    aborted
      ? { code: "aborted", message: "It was given up." }
      : { code: "network_error", message: "The server can't be reached." },
  );
}

/** Stopped, or signed out, while it was under way. */
export function aborted(): TherapyConnectError {
  return errorOfFailure(new DOMException("", "AbortError"));
}

export function signedOut(): TherapyConnectError {
  return new TherapyConnectError({ code: "signed_out", message: "Nobody is signed in.", status: 401 });
}

/** An answer's JSON object; empty where it is none. */
export function parsed(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function detailsOf(errors: unknown): ErrorDetail[] {
  if (!Array.isArray(errors)) return [];
  return (errors as Record<string, unknown>[]).map((one) => ({
    code: textOf(one["code"]) ?? "unexpected_answer",
    detail: textOf(one["detail"]) ?? textOf(one["message"]) ?? "",
    attr: textOf(one["attr"]) ?? textOf(one["param"]) ?? null,
  }));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function secondsOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
