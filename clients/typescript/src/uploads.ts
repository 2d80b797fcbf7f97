// Files: sent with progress, and given up when told so.
import { errorOf, errorOfFailure, parsed, TherapyConnectError } from "./errors.js";
import type { Http } from "./http.js";
import type { Session } from "./session.js";
import type { Attachment } from "./types.js";

export interface UploadOptions {
  readonly name?: string;
  readonly signal?: AbortSignal;
  /** Bytes sent, of how many; in Node, which can't tell, once at the end. */
  readonly onProgress?: (sent: number, total: number) => void;
}

const PATH = "/api/attachments/";
const UPLOAD_SECONDS = 600;

/** Files of a chat. A message names one by `attachment_id`. */
export class Uploads {
  constructor(
    private readonly http: Http,
    private readonly session: Session,
  ) {}

  /** Upload; an aborted one throws `aborted`, and nothing refers to what came of it. */
  async send(chatId: string, file: Blob, options: UploadOptions = {}): Promise<Attachment> {
    const form = new FormData();
    form.append("chat_id", chatId);
    form.append("file", file, options.name ?? (file as Partial<File>).name ?? "file");
    if (typeof XMLHttpRequest === "undefined") return this.#fetched(form, file.size, options);
    const token = await this.session.token();
    try {
      return await this.#watched(token, form, options);
    } catch (error) {
      if (!(error instanceof TherapyConnectError) || error.status !== 401) throw error;
      return await this.#watched(await this.session.renew(token), form, options);
    }
  }

  /** What became of it: checked, refused, ready. */
  async status(attachmentId: string): Promise<Attachment> {
    const path = `${PATH}${encodeURIComponent(attachmentId)}/status/`;
    return JSON.parse((await this.http.read(this.session, path)).text) as Attachment;
  }

  /** The bytes, with the token in its header: an `<img>` shows them by `URL.createObjectURL`. */
  async bytes(attachmentId: string, which: "file" | "thumbnail" = "file"): Promise<Blob> {
    const more = which === "thumbnail" ? "thumbnail/" : "";
    return this.http.blob(this.session, `${PATH}${encodeURIComponent(attachmentId)}/${more}`);
  }

  async #fetched(form: FormData, size: number, options: UploadOptions): Promise<Attachment> {
    const asking = { body: form, signal: options.signal, seconds: UPLOAD_SECONDS };
    const answer = await this.http.asked(this.session, "POST", PATH, asking);
    options.onProgress?.(size, size);
    return JSON.parse(answer.text) as Attachment;
  }

  /** `fetch` has no progress; this has. */
  #watched(token: string, form: FormData, options: UploadOptions): Promise<Attachment> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const abort = (): void => request.abort();
      options.signal?.addEventListener("abort", abort);
      request.open("POST", this.http.address(PATH));
      request.setRequestHeader("Authorization", `Bearer ${token}`);
      request.setRequestHeader("Accept", "application/json");
      request.upload.onprogress = ({ loaded, total }) => options.onProgress?.(loaded, total);
      request.onabort = () => reject(new TherapyConnectError({ code: "aborted", message: "It was given up." }));
      request.onerror = () => reject(errorOfFailure(null));
      request.onload = () => {
        if (request.status >= 200 && request.status < 300) {
          resolve(parsed(request.responseText) as unknown as Attachment);
        } else reject(errorOf(request.status, headersOf(request), request.responseText));
      };
      request.onloadend = () => options.signal?.removeEventListener("abort", abort);
      if (options.signal?.aborted) request.onabort(new ProgressEvent("abort"));
      else request.send(form);
    });
  }
}

function headersOf(request: XMLHttpRequest): Headers {
  const headers = new Headers();
  for (const name of ["Retry-After", "X-Request-ID"]) {
    const value = request.getResponseHeader(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}
